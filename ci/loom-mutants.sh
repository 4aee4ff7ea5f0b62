#!/usr/bin/env bash
# Does each model notice what it is for? Each patch in loom-tests/mutants is a fault in src/, and names
# the tests that are to find it. It is applied to a copy, and fails this script if a test still passes.
#   ci/loom-mutants.sh [NAME ...]
# A patch begins with comment lines: what the fault is, `# kills: TEST ...`, and, if the models must go
# to their own bound instead of that of a quick run, `# bound: own`.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"

# Seconds. A mutant that is not told by then is one for which a smaller model is wanted.
limit=240
mutants="loom-tests/mutants"
work=$target/loom/mutants
tree=$work/tree

field() { sed -n "s/^# $1: //p" "$2"; }
# The file of tests in which a test stands.
home_of() {
  local found
  found=$(grep -lx "fn $1() {" loom-tests/tests/*.rs) || die "there is no test $1"
  basename "$found" .rs
}

if [ $# = 0 ]; then
  for patch in "$mutants"/*.patch; do set -- "$@" "$(basename "$patch" .patch)"; done
fi
declare -A tests_in=()
for name in "$@"; do
  patch=$mutants/$name.patch
  [ -f "$patch" ] || die "there is no mutant $name"
  kills=$(field kills "$patch")
  [ -n "$kills" ] || die "$patch names no test"
  for test in $kills; do
    home=$(home_of "$test")
    [[ " ${tests_in[$home]:-} " == *" $test "* ]] || tests_in[$home]+=" $test"
  done
done

loom=$(patched_loom)
copy_tree "$tree"
rm -rf "$work/src" "$work/logs"
mkdir "$work/logs"
cp -R "$tree/src" "$work/src"

cargo_test() { # HOME ARGUMENT...
  local home=$1
  shift
  RUSTFLAGS="--cfg tripcoil_loom" cargo test --manifest-path "$tree/loom-tests/Cargo.toml" --release \
    --target-dir "$target/loom/build" --config "patch.crates-io.loom.path=\"$loom\"" \
    --test "$home" "$@"
}

echo "unmutated:"
declare -A ignored=()
for home in "${!tests_in[@]}"; do
  read -ra tests <<<"${tests_in[$home]}"
  log=$work/logs/unmutated-$home.log
  cargo_test "$home" -- --exact "${tests[@]}" >"$log" 2>&1 || {
    cat "$log"
    die "a test of $home fails on the source as it is"
  }
  for test in "${tests[@]}"; do
    if grep -qE "^test $test \.\.\. ignored" "$log"; then
      ignored[$test]=1
    elif ! grep -qE "^test $test .*\.\.\. ok$" "$log"; then
      die "$test did not run: $log"
    fi
  done
  echo "  $home: ${#tests[@]} tests pass"
done

survivors=0
printf '%-44s %-56s %s\n' mutant test result
tell() { printf '%-44s %-56s %s\n' "$name" "$test" "$1"; }
for name in "$@"; do
  patch=$mutants/$name.patch
  rm -rf "$tree/src"
  cp -R "$work/src" "$tree/src"
  patch --directory "$tree" --strip 1 --fuzz 0 --quiet <"$patch" || die "$patch does not apply"
  full=()
  [ "$(field bound "$patch")" != own ] || full=(TRIPCOIL_LOOM_FULL=1)
  for test in $(field kills "$patch"); do
    if [ -n "${ignored[$test]:-}" ]; then
      tell "skipped: the test is ignored"
      continue
    fi
    home=$(home_of "$test")
    log=$work/logs/$name-$test.log
    cargo_test "$home" --no-run >"$log" 2>&1 || {
      cat "$log"
      die "$name does not build"
    }
    begun=$SECONDS
    code=0
    export -f cargo_test
    env "${full[@]}" tree="$tree" target="$target" loom="$loom" timeout "$limit" \
      bash -c 'cargo_test "$@"' - "$home" -- --exact "$test" >"$log" 2>&1 || code=$?
    took=$((SECONDS - begun))
    if [ $code = 0 ]; then
      tell "SURVIVES, $took s"
      survivors=$((survivors + 1))
    elif [ $code = 124 ]; then
      tell "NOT TOLD within $limit s"
      survivors=$((survivors + 1))
    elif grep -qE "^test $test .*FAILED$|signal: " "$log"; then
      tell "killed in $took s"
    else
      cat "$log"
      die "$name: neither passed nor failed"
    fi
  done
done
[ $survivors = 0 ] || die "$survivors survive"
