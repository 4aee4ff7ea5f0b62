#!/usr/bin/env bash
# Each feature and each two of them build by themselves, with nothing switched on by a dev-dependency.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"
need_tool cargo-hack 0.6.46

check() {
  echo "features: $*"
  RUSTFLAGS="-D warnings" cargo check --lib --target-dir "$target/features" "$@"
}

check
check --no-default-features
check --no-default-features --features std
check --no-default-features --features serde
check --no-default-features --features tokio
check --no-default-features --features tower
check --no-default-features --features http
check --no-default-features --features http,tower
check --no-default-features --features grpc
check --no-default-features --features grpc,tower
check --features serde
check --features tokio
check --no-default-features --features registry
check --no-default-features --features metrics
check --no-default-features --features tracing
check --all-features
RUSTFLAGS="-D warnings" cargo hack check --lib --feature-powerset --depth 2 --target-dir "$target/features"
