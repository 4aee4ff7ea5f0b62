#!/usr/bin/env bash
# A program for wasm32-unknown-unknown, run by node: what its target lacks is asked for, and a clock of
# the program's own works. The standard library for that target is rustup's, or else Debian's
# compiler with its source, unpacked under target/ and not installed.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"
need_command node nodejs

triple=wasm32-unknown-unknown
build=(cargo build --release --manifest-path ci/wasm/Cargo.toml --target "$triple" --target-dir "$target/wasm")

if rustup target add "$triple" >/dev/null 2>&1; then
  "${build[@]}"
else
  # the linker is our own toolchain's: Debian's is another package
  host=$(rustc -vV | sed -n 's/^host: //p')
  lld=$(rustc --print sysroot)/lib/rustlib/$host/bin/rust-lld
  compiler=$(debian_compiler)
  CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$lld RUSTC=$compiler RUSTC_BOOTSTRAP=1 \
    "${build[@]}" -Zbuild-std=std,panic_abort
fi
node ci/wasm/run.mjs "$target/wasm/$triple/release/tripcoil_wasm.wasm"
