#!/usr/bin/env bash
# The models, on a patched loom: the canary first, since without the patch the others prove little.
# Arguments go to the tests: ci/loom.sh racing
source "$(dirname "$0")/lib.sh"

loom=$(patched_loom)
models() {
  RUSTFLAGS="--cfg tripcoil_loom" cargo test --manifest-path loom-tests/Cargo.toml --release \
    --target-dir "$target/loom/build" --config "patch.crates-io.loom.path=\"$loom\"" "$@"
}

models --test canary -- --nocapture
models --tests -- --nocapture "$@"
