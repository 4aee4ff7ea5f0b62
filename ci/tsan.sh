#!/usr/bin/env bash
# ThreadSanitizer over the unit tests and the real threads. Arguments go to the tests.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"
need_nightly

# the host's triple: with it named, build scripts and macros stay free of the sanitizer
host=$(rustc +nightly -vV | sed -n 's/^host: //p')
export RUSTFLAGS="-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer -Cprefer-dynamic"
export TSAN_OPTIONS="halt_on_error=1 ignore_noninstrumented_modules=1 suppressions=$root/ci/tsan.supp"
cargo +nightly test --target "$host" --target-dir "$target/tsan" --lib --test threads -- "$@"
