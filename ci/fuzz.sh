#!/usr/bin/env bash
# The fuzz targets, each over its committed corpus and then on from there: ci/fuzz.sh [--full] [TARGET...]
# FUZZ_SECONDS is for how long each goes on: 8 by default, 600 with --full.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"

need_nightly
need_tool cargo-fuzz 0.13.2

seconds=8
if [ "${1:-}" = --full ]; then
  seconds=600
  shift
fi
seconds=${FUZZ_SECONDS:-$seconds}
known=(operations config concurrent saved words transitions)
targets=("$@")
[ $# -gt 0 ] || targets=("${known[@]}")
for name in "${targets[@]}"; do
  [[ " ${known[*]} " == *" $name "* ]] || die "no target $name: there are ${known[*]}"
done

# what the fuzzer comes upon differs each time, and is nothing that a job leaves behind
grown=$(mktemp -d)
trap 'rm -rf "$grown"' EXIT

for name in "${targets[@]}"; do
  cargo +nightly fuzz build --target-dir "$target/fuzz" "$name"
  leaks=1
  # its permits leak on purpose
  [ "$name" != operations ] || leaks=0
  mkdir "$grown/$name"
  echo "fuzzing $name"
  ASAN_OPTIONS=detect_leaks=$leaks cargo +nightly fuzz run --target-dir "$target/fuzz" "$name" \
    "$grown/$name" "fuzz/corpus/$name" -- -max_total_time="$seconds" \
    -max_len=512 -timeout=60 -detect_leaks=$leaks -print_final_stats=1 >"$grown/log" 2>&1 || {
    # but for the lines on its progress
    grep -Ev '^#|NEW_FUNC' "$grown/log"
    die "$name has found something, see above. It comes again with
  cargo +nightly fuzz run $name fuzz/artifacts/$name/FILE
(of concurrent perhaps not at once: add -- -runs=20000)"
  }
  grep '^stat::.*\(executed\|per_sec\|rss\)' "$grown/log"
  executed=$(sed -n 's/^stat::number_of_executed_units: *//p' "$grown/log")
  [ "$executed" -gt "$(find "fuzz/corpus/$name" -type f | wc -l)" ] ||
    die "$name did not come to the end of its corpus in $seconds s"
done
