#!/usr/bin/env bash
# A program without std, with its own allocator and panic handler, builds with the crate and does
# what it should; and this check can fail: with the default features it must not build.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"

no_std() {
  cargo "$1" --release --manifest-path ci/no-std/Cargo.toml --target-dir "$target/no-std" "${@:2}"
}

no_std run
if no_std build --features tripcoil/std >"$target/no-std/with-std.log" 2>&1; then
  die "the program links with std too, so it shows nothing"
fi
# shellcheck disable=SC2016 # the backquotes are the compiler's
grep -q 'found duplicate lang item `panic_impl`' "$target/no-std/with-std.log" ||
  die "with std the program fails for another reason: see $target/no-std/with-std.log"
