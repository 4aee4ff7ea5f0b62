#!/usr/bin/env bash
# No warning anywhere: the workspace in each of its shapes, and the packages beside it.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"

cargo clippy --workspace --all-targets --all-features -- -D warnings
cargo clippy --lib -- -D warnings
cargo clippy --lib --no-default-features -- -D warnings
cargo clippy --manifest-path ci/no-std/Cargo.toml --release -- -D warnings
cargo clippy --manifest-path ci/new-user/Cargo.toml --all-targets -- -D warnings
cargo clippy --manifest-path compile-fail/Cargo.toml --tests -- -D warnings

RUSTFLAGS="--cfg tripcoil_step" cargo clippy --test step --target-dir "$target/step" -- -D warnings

RUSTFLAGS="--cfg tripcoil_shuttle" cargo clippy --manifest-path loom-tests/schedules/Cargo.toml --all-targets \
  --target-dir "$target/schedules" -- -D warnings

# where cargo-fuzz sets a cfg, so do we
RUSTFLAGS="--cfg fuzzing" cargo clippy --manifest-path fuzz/Cargo.toml --all-targets \
  --target-dir "$target/fuzz-clippy" -- -D warnings

loom=$(patched_loom)
RUSTFLAGS="--cfg tripcoil_loom" cargo clippy --manifest-path loom-tests/Cargo.toml --all-targets \
  --target-dir "$target/loom/clippy" --config "patch.crates-io.loom.path=\"$loom\"" -- -D warnings
