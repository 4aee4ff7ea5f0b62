#!/usr/bin/env bash
# ThreadSanitizer over the unit tests, the real threads, and what stands around the breaker and has
# threads. Arguments go to the tests.
#
# The standard library is compiled for it too: as it comes, the sanitizer does not see how a contended
# lock or a channel hands over what it guards, and reports the registry's and tokio's.
#
# Left out: what counts memory (the sanitizer takes some of its own, and a hundred thousand breakers take
# minutes), of the saved states what has one thread or a process to kill, and the histories and the soak,
# for their length.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"
need_nightly
[ -d "$(rustc +nightly --print sysroot)/lib/rustlib/src/rust/library" ] ||
  rustup component add rust-src --toolchain nightly ||
  die "needs the standard library's source: rustup component add rust-src --toolchain nightly"

# the host's triple: with it named, build scripts and macros stay free of the sanitizer
host=$(rustc +nightly -vV | sed -n 's/^host: //p')
export RUSTFLAGS="-Zsanitizer=thread"
export TSAN_OPTIONS="halt_on_error=1 suppressions=$root/ci/tsan.supp"
cargo +nightly test -Zbuild-std --target "$host" --target-dir "$target/tsan" \
  --features health,http,metrics,registry,serde,tower \
  --lib --test threads --test health --test metrics --test registry --test saved --test tower \
  -- --skip memory:: --skip crash:: --skip damage:: --skip twins:: "$@"
