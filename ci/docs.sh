#!/usr/bin/env bash
# The docs, and the private ones too, which newcomers read: no broken link, no other warning.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"
export RUSTDOCFLAGS="-D warnings"

cargo doc --no-deps --all-features
cargo doc --no-deps
cargo doc --no-deps --no-default-features
# what is linked to is there, whichever feature it is that somebody has
for feature in persist serde settings tokio tower retry http grpc registry metrics tracing health insight calls operate fleet fleet-redis testing; do
  cargo doc --no-deps --features "$feature"
done
cargo doc --no-deps --all-features --document-private-items --target-dir "$target/private-docs"
