#!/usr/bin/env bash
# Does each model notice what it is for? Each patch in loom-tests/mutants is a fault in src/, and names
# the tests that are to find it. It is applied to a copy, and fails this script if a test still passes.
#   ci/loom-mutants.sh [--full | --matrix] [NAME ...]
# Without names and options every seventh fault is planted, from another one on after each commit, so that seven commits
# plant all; with --full all are.
# A patch begins with comment lines: what the fault is, `# kills: TEST ...`, and, if the models must go
# to their own bound instead of that of a quick run, `# bound: own`. With --matrix each is put to all models,
# to two preemptions, and those that find it are told: an hour and more.
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

matrix=0
every=7
case "${1:-}" in
--matrix) matrix=1 ;;&
--matrix | --full)
  every=1
  shift
  ;;
esac
if [ $# = 0 ]; then
  # shellcheck disable=SC2046 # names are words
  set -- $(every_of "$every" "$mutants")
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

# A mutant is a line or two: what it leaves alone is not compiled again.
models() { # ARGUMENT...
  CARGO_INCREMENTAL=1 RUSTFLAGS="--cfg tripcoil_loom" cargo test --manifest-path "$tree/loom-tests/Cargo.toml" --release \
    --target-dir "$target/loom/build" --config "patch.crates-io.loom.path=\"$loom\"" "$@"
}
cargo_test() { # HOME ARGUMENT...
  models --test "$@"
}
export -f models cargo_test
export tree target loom

mutate() {
  rm -rf "$tree/src"
  cp -R "$work/src" "$tree/src"
  patch --directory "$tree" --strip 1 --fuzz 0 --quiet <"$1" || die "$1 does not apply"
}

if [ $matrix = 1 ]; then
  for name in "$@"; do
    mutate "$mutants/$name.patch"
    log=$work/logs/$name.log
    # those that a mutant sends round in circles are cut, and the rest is told
    timeout 900 bash -c 'models --tests --no-fail-fast' >"$log" 2>&1 || true
    grep -q '^test ' "$log" || die "$name does not build: $log"
    found=$(sed -nE 's/^test (\w+) .*FAILED$/\1/p' "$log" | sort | tr '\n' ' ')
    echo "$name: $(wc -w <<<"$found") of $(grep -cE '^test \w+ .*(ok|FAILED)$' "$log"): $found"
  done
  exit
fi

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
  mutate "$patch"
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
    env "${full[@]}" timeout "$limit" \
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
