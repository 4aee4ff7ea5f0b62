#!/usr/bin/env bash
# Instructions of a call, counted by callgrind, against those in benches/instructions.txt; and the
# functions that it enters: a success none but its caller and the clock. With --accept the counts
# become the new ones.
#
# Callgrind alone: a harness around it (gungraun) would tell it the same function to collect in, for
# a runner of some hundred crates.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"
need_command valgrind valgrind

baselines=benches/instructions.txt
# lib.sh says where builds go
counts=${target:?}/instructions
accept=0
case ${1-} in
"") ;;
--accept) accept=1 ;;
*) die "knows --accept alone, not $1" ;;
esac

compiler=$(rustc --version)
host=$(rustc -vV | sed -n 's/^host: //p')
program=$(cargo bench -p tripcoil-benches --bench instructions --no-run --message-format json |
  python3 -c '
import json, sys
for line in sys.stdin:
    m = json.loads(line)
    if m.get("target", {}).get("name") == "instructions" and m.get("executable"):
        print(m["executable"])')

rm -rf "$counts"
mkdir -p "$counts"
# without a name it runs them all, which checks them, and prints the names
"$program" >"$counts/names"
while read -r name; do
  valgrind --quiet --tool=callgrind --toggle-collect='*instructions*measured*' \
    --callgrind-out-file="$counts/$name.out" "$program" "$name" >"$counts/$name.log" 2>&1 ||
    die "$name does not run under callgrind: $(cat "$counts/$name.log")"
  count=$(sed -n 's/^summary: //p' "$counts/$name.out")
  [ "${count:-0}" -gt 0 ] || die "nothing was collected for $name: is its function inlined?"
  echo "$name $count"
done <"$counts/names" >"$counts/counts"

# entered NAME: the functions in which that call spent instructions of their own.
entered() {
  awk '
    /^c?fn=/ { split($0, part, /[()]/); id = part[2] }
    /^c?fn=.* / { names[id] = substr($0, index($0, " ") + 1) }
    /^fn=/ { inside = id }
    # the line after it is what the called function took
    /^calls=/ { getline; next }
    /^[0-9+*-]/ { if ($2 > 0) own[inside] }
    END { for (id in own) print names[id] }
  ' "$counts/$1.out" | sort
}

while read -r name; do
  echo "$name enters $(entered "$name" | sed 's/<impl tripcoil::engine::state::Core>:://' | paste -sd' ')"
done <"$counts/names"
# a success is compiled into its caller (here `measured`), all but the reading of the clock
for name in success local-success; do
  entered "$name" | grep -q 'instructions.*measured' || die "no function was found in $name.out"
  if others=$(entered "$name" | grep -v -e 'instructions.*measured' -e 'clock::.*Clock>*::nanos'); then
    die "a success enters $others: it is no longer compiled into its caller"
  fi
done

# a call is the same with an agent as without one
count_of() { sed -n "s/^$1 //p" "$counts/counts"; }
for name in success rejection; do
  [ "$(count_of "fleet-$name")" = "$(count_of "$name")" ] ||
    die "$name takes $(count_of "$name") instructions, and $(count_of "fleet-$name") with a fleet's agent"
done

if [ $accept = 1 ]; then
  {
    echo "# Instructions of one call. Written by ci/instructions.sh --accept."
    echo "# rustc: $compiler"
    echo "# host: $host"
    cat "$counts/counts"
  } >"$baselines"
  cat "$baselines"
  exit
fi

recorded() { sed -n "s/^# $1: //p" "$baselines"; }
[ "$(recorded host)" = "$host" ] || die "the baselines are for $(recorded host), this is $host"
limit=3
if [ "$(recorded rustc)" != "$compiler" ]; then
  limit=10
  echo "warning: the baselines are of $(recorded rustc), this is $compiler: the limit is $limit %" >&2
fi

awk -v limit=$limit '
  /^#/ { next }
  NR == FNR { before[$1] = $2; next }
  {
    was = before[$1]
    delete before[$1]
    if (!was) { verdict = "NEW"; bad = 1 }
    else if ($2 * 100 > was * (100 + limit)) { verdict = "RISEN"; bad = 1 }
    else if ($2 * 100 < was * (100 - limit)) verdict = "fallen"
    else verdict = "ok"
    printf "%-16s %7d, was %7d  %+6.1f %%  %s\n", $1, $2, was, was ? ($2 / was - 1) * 100 : 0, verdict
  }
  END {
    for (name in before) { print name " is not counted any more: GONE"; bad = 1 }
    exit bad
  }' "$baselines" "$counts/counts" ||
  die "a count rose by more than $limit %, or a name changed. callgrind_annotate $counts/NAME.out
says where. To write new baselines run: ci/instructions.sh --accept"
