#!/usr/bin/env bash
# Mutation testing: each small change of the core that the tests do not notice is a survivor, and has
# a written reason in docs/mutants.md, or fails this job.
#   ci/mutants.sh          what the last commit touches
#   ci/mutants.sh --full   the whole core
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"
need_tool cargo-mutants 27.1.0

found=$target/mutants
rm -rf "$found"
mkdir -p "$found"
scope=()
if [ "${1:-}" = --full ]; then
  shift
else
  git diff HEAD~1 -- src >"$found/diff"
  [ -s "$found/diff" ] || {
    echo "the last commit touches no source"
    exit 0
  }
  scope=(--in-diff "$found/diff")
fi

# what is mutated, and by which tests, stands in ci/mutants.toml
status=0
TRIPCOIL_CASES=300 cargo mutants --config ci/mutants.toml --no-shuffle --output "$found" "${scope[@]}" "$@" || status=$?
case $status in
0) echo "no survivor" ;;
2 | 3)
  # survivors and time-outs: each must be in the page, by its name without the line number
  unexplained=0
  while read -r line; do
    name=$(sed -E 's/^([^:]+):[0-9]+:[0-9]+: /\1: /' <<<"$line")
    grep -qF -- "$name" docs/mutants.md || {
      echo "survives, and docs/mutants.md does not say why: $line"
      unexplained=1
    }
  done < <(cat "$found/mutants.out/missed.txt" "$found/mutants.out/timeout.txt")
  [ $unexplained = 0 ] || die "survivors without a reason"
  ;;
*) die "cargo-mutants ended with $status" ;;
esac
