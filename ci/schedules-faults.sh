#!/usr/bin/env bash
# Do the schedules find what they are for? Each patch in loom-tests/schedules/faults is a fault in src/.
# It is applied to a copy, and fails this script if the schedules do not find it within a minute.
#   ci/schedules-faults.sh [--full | NAME ...]
# Without names every second fault is planted, from another one on after each commit; with --full all are.
# A patch begins with comment lines: what the fault is, and `# found by: TEST ...`, of which one has to.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"

limit=60
faults=loom-tests/schedules/faults
work=$target/schedules/faults
tree=$work/tree

every=2
if [ "${1:-}" = --full ]; then
  every=1
  shift
fi
if [ $# = 0 ]; then
  # shellcheck disable=SC2046 # names are words
  set -- $(every_of "$every" "$faults")
fi
for name in "$@"; do
  [ -f "$faults/$name.patch" ] || die "there is no fault $name"
done

copy_tree "$tree"
rm -rf "$work/src" "$work/logs"
mkdir "$work/logs"
cp -R "$tree/src" "$work/src"

# A fault is a line or two: what it leaves alone is not compiled again.
schedules() { # ARGUMENT...
  CARGO_INCREMENTAL=1 RUSTFLAGS="--cfg tripcoil_shuttle" cargo test --manifest-path "$tree/loom-tests/schedules/Cargo.toml" \
    --release --target-dir "$target/schedules/build" "$@"
}
# file_of TEST: the name of the file that it is in, as cargo has it.
file_of() {
  local file
  file=$(cd loom-tests/schedules/tests && grep -rlE "^fn $1\(\)" .) || die "there is no test $1"
  file=${file#./}
  file=${file%/main.rs}
  echo "${file%.rs}"
}
export -f schedules
export tree target
export RUST_BACKTRACE=0

missed=0
printf '%-52s %-56s %s\n' fault test result
for name in "$@"; do
  patch=$faults/$name.patch
  rm -rf "$tree/src"
  cp -R "$work/src" "$tree/src"
  patch --directory "$tree" --strip 1 --fuzz 0 --quiet <"$patch" || die "$name does not apply"
  tests=$(sed -n 's/^# found by: //p' "$patch")
  [ -n "$tests" ] || die "$patch names no test"
  log=$work/logs/$name.log
  read -ra tests <<<"$tests"
  # only what these tests are in is built
  among=()
  for test in "${tests[@]}"; do
    among+=(--test "$(file_of "$test")")
  done
  schedules "${among[@]}" --no-run >"$log" 2>&1 || {
    cat "$log"
    die "$name does not build"
  }
  # the exploring tests have the minute between them
  begun=$SECONDS
  result="NOT FOUND"
  by=-
  for test in "${tests[@]}"; do
    code=0
    TRIPCOIL_SECONDS=$((limit / ${#tests[@]})) timeout $((limit + 30)) \
      bash -c 'schedules "$@"' - --test "$(file_of "$test")" -- --exact "$test" >"$log" 2>&1 || code=$?
    if [ $code = 0 ]; then
      grep -qE "^test $test .*ok$" "$log" || die "there is no test $test: $log"
      continue
    fi
    # a panic while another one unwinds ends the process
    grep -qE "^    $test$|signal: " "$log" || {
      cat "$log"
      die "$name: neither passed nor failed"
    }
    result="found in $((SECONDS - begun)) s"
    by=$test
    break
  done
  printf '%-52s %-56s %s\n' "$name" "$by" "$result"
  [[ $result == found* ]] || missed=$((missed + 1))
done
[ $missed = 0 ] || die "$missed not found"
