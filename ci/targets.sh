#!/usr/bin/env bash
# Targets other than the machine's own: without `std` the library builds for thumbv7em, which has no 64-bit
# atomics. With --full the tests run on i686, where a word of the machine is half of ours.
#   ci/targets.sh [--full]
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"

export CARGO_TARGET_DIR=$target/targets CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_TEST_DEBUG=0

# on_target TRIPLE CRATES COMMAND...: CRATES are those of the standard library, if it has to be built.
on_target() {
  if rustup target add "$1" >/dev/null 2>&1; then
    "${@:3}" --target "$1"
  else
    local compiler
    compiler=$(debian_compiler)
    RUSTC=$compiler RUSTC_BOOTSTRAP=1 "${@:3}" --target "$1" "-Zbuild-std=$2"
  fi
}

on_target thumbv7em-none-eabihf core,alloc cargo build --lib --no-default-features

if [ "${1:-}" = --full ]; then
  echo 'int main(void) { return 0; }' >"$target/targets/one.c"
  if ! gcc -m32 "$target/targets/one.c" -o "$target/targets/one" 2>/dev/null; then
    apt-get update -qq
    apt-get install -y -qq gcc-multilib >/dev/null
  fi
  on_target i686-unknown-linux-gnu std,panic_unwind,test cargo test --features persist,serde \
    --lib --test semantics --test lockstep --test saved --test threads
fi
