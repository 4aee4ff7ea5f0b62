#!/usr/bin/env bash
# The fuzz targets, each over its committed corpus and then on from there: ci/fuzz.sh [TARGET...]
# FUZZ_RUNS is how many inputs each target tries, instead of the numbers below (some 25 s each).
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"

need_nightly
need_tool cargo-fuzz 0.13.2

declare -A runs=([operations]=9000 [config]=17000 [concurrent]=15000
  [saved]=220000 [words]=4000000 [transitions]=1500000)
targets=("$@")
[ $# -gt 0 ] || targets=(operations config concurrent saved words transitions)
for name in "${targets[@]}"; do
  [ -n "${runs[$name]:-}" ] || die "no target $name: there are ${!runs[*]}"
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
  echo "fuzzing $name: ${FUZZ_RUNS:-${runs[$name]}} inputs"
  ASAN_OPTIONS=detect_leaks=$leaks cargo +nightly fuzz run --target-dir "$target/fuzz" "$name" \
    "$grown/$name" "fuzz/corpus/$name" -- -runs="${FUZZ_RUNS:-${runs[$name]}}" \
    -max_len=512 -timeout=60 -detect_leaks=$leaks -print_final_stats=1 >"$grown/log" 2>&1 || {
    # but for the lines on its progress
    grep -Ev '^#|NEW_FUNC' "$grown/log"
    die "$name has found something, see above. It comes again with
  cargo +nightly fuzz run $name fuzz/artifacts/$name/FILE
(of concurrent perhaps not at once: add -- -runs=20000)"
  }
  grep '^stat::.*\(executed\|per_sec\|rss\)' "$grown/log"
done
