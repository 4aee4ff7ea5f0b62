#!/usr/bin/env bash
# ThreadSanitizer over the unit tests and the real threads; and, where the nightly toolchain has the source of the
# standard library (`rustup component add rust-src`), so that it is compiled for the sanitizer too, over what
# stands around the breaker and has threads. As the library comes, the sanitizer does not see how a
# contended lock or a channel hands over what it guards, and would report the registry's and tokio's.
# Arguments go to the tests.
#
# Left out: what counts memory (the sanitizer takes some of its own, and a hundred thousand breakers take
# minutes), of the saved states what has one thread or a process to kill, and the histories and the soak,
# for their length.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"
need_nightly

flags="-Zsanitizer=thread"
options="halt_on_error=1"
suppressions=$target/tsan.supp
mkdir -p "$target"
cp ci/tsan.supp "$suppressions"
if [ -d "$(rustc +nightly --print sysroot)/lib/rustlib/src/rust/library" ]; then
  what=(-Zbuild-std --features "health,http,metrics,persist,registry,serde,testing,tower"
    --test health --test idle --test metrics --test registry --test saved --test testing --test tower)
else
  echo "without the standard library's source: unit tests and real threads alone"
  what=()
  flags+=" -Cunsafe-allow-abi-mismatch=sanitizer -Cprefer-dynamic"
  options+=" ignore_noninstrumented_modules=1"
  cat ci/tsan-std.supp >>"$suppressions"
fi

# the host's triple: with it named, build scripts and macros stay free of the sanitizer
host=$(rustc +nightly -vV | sed -n 's/^host: //p')
RUSTFLAGS=$flags TSAN_OPTIONS="$options suppressions=$suppressions" \
  cargo +nightly test "${what[@]}" --target "$host" --target-dir "$target/tsan" --lib --test threads \
  -- --skip memory:: --skip many:: --skip crash:: --skip damage:: --skip twins:: "$@"
