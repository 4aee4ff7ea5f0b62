#!/usr/bin/env bash
# A program for wasm32-unknown-unknown, run by node: what its target lacks is asked for, and a clock of
# the program's own works. The standard library for that target is rustup's, or else Debian's
# compiler with its source, unpacked under target/ and not installed.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"
need_command node nodejs

triple=wasm32-unknown-unknown
build=(cargo build --release --manifest-path ci/wasm/Cargo.toml --target "$triple" --target-dir "$target/wasm")

# debian_compiler DIR: rustc-web and what it needs, in their newest version, as a compiler in DIR/rustc.
debian_compiler() {
  [ -e "$1/.complete" ] && return
  rm -rf "$1"
  mkdir -p "$1/debs" "$1/root"
  apt-get update -qq
  local library llvm
  depends() { apt-cache depends "$1" | sed -n 's/^ *Depends: //p'; }
  library=$(depends rustc-web | grep '^libstd-rust-web-dev$')
  library=$(depends "$library" | grep '^libstd-rust-web-')
  llvm=$(depends "$library" | grep '^libllvm')
  (cd "$1/debs" && apt-get download -qq rustc-web rust-web-src "$library" "$llvm")
  for deb in "$1"/debs/*.deb; do
    dpkg -x "$deb" "$1/root"
  done
  cat >"$1/rustc" <<EOF
#!/bin/sh
LD_LIBRARY_PATH=$1/root/usr/lib/$(uname -m)-linux-gnu exec $1/root/usr/bin/rustc "\$@"
EOF
  chmod +x "$1/rustc"
  touch "$1/.complete"
}

if rustup target add "$triple" >/dev/null 2>&1; then
  "${build[@]}"
else
  # the linker is our own toolchain's: Debian's is another package
  host=$(rustc -vV | sed -n 's/^host: //p')
  lld=$(rustc --print sysroot)/lib/rustlib/$host/bin/rust-lld
  debian_compiler "$target/wasm-compiler"
  CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$lld RUSTC=$target/wasm-compiler/rustc RUSTC_BOOTSTRAP=1 \
    "${build[@]}" -Zbuild-std=std,panic_abort
fi
node ci/wasm/run.mjs "$target/wasm/$triple/release/tripcoil_wasm.wasm"
