#!/usr/bin/env bash
# Mutation testing: each small change of the core that the tests do not notice is a survivor, and has
# a written reason in docs/internals/mutants.md, or fails this job.
#   ci/mutants.sh [BASE]   what has been touched since BASE, by default the last commit; where that is
#                          much, a part of it, each commit another
#   ci/mutants.sh --full   the whole core: some hours
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"

need_mutants() { need_tool cargo-mutants 27.1.0; }

most=60 # mutants, some five seconds each
found=$target/mutants
rm -rf "$found"
mkdir -p "$found"
scope=()
if [ "${1:-}" = --full ]; then
  shift
  need_mutants
else
  base=${1:-HEAD~1}
  [ $# = 0 ] || shift
  git rev-parse --quiet --verify "$base^{commit}" >/dev/null || {
    echo "there is no $base to compare with: a clone without history"
    exit 0
  }
  git diff "$base" -- src >"$found/diff"
  [ -s "$found/diff" ] || {
    echo "no source has been touched since $base"
    exit 0
  }
  need_mutants
  scope=(--in-diff "$found/diff")
  count=$(cargo mutants --config ci/mutants.toml --list "${scope[@]}" | wc -l)
  parts=$(((count + most - 1) / most))
  if [ "$parts" -gt 1 ]; then
    part=$((0x$(git rev-parse --short=6 HEAD) % parts))
    echo "$count mutants; of $parts parts this is the $((part + 1)). ($base: all with --full)"
    scope+=(--shard "$part/$parts")
  fi
fi

# What is mutated, and by which tests, stands in ci/mutants.toml. One that never ends is noticed by
# the time limit: most of a lock-free core is loops.
status=0
TRIPCOIL_CASES=300 cargo mutants --config ci/mutants.toml --no-shuffle --output "$found" "${scope[@]}" "$@" || status=$?
case $status in
0 | 3) echo "no survivor" ;;
2)
  unexplained=0
  while read -r line; do
    # by its name, without the line number
    name=$(sed -E 's/^([^:]+):[0-9]+:[0-9]+: /\1: /' <<<"$line")
    grep -qF -- "- $name" docs/internals/mutants.md || {
      echo "survives, and docs/internals/mutants.md does not say why: $line"
      unexplained=1
    }
  done <"$found/mutants.out/missed.txt"
  [ $unexplained = 0 ] || die "survivors without a reason"
  ;;
*) die "cargo-mutants ended with $status" ;;
esac
