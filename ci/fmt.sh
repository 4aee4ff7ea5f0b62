#!/usr/bin/env bash
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"

cargo fmt --all --check
for package in loom-tests loom-tests/schedules fuzz compile-fail ci/no-std ci/new-user; do
  cargo fmt --manifest-path "$package/Cargo.toml" --check
done
