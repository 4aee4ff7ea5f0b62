#!/usr/bin/env bash
# The crate builds with the Rust version that Cargo.toml promises, without features, with the default ones
# and with all. Installs that toolchain, so it is a job of the workflow and not of .ci/run.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"

version=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml | head -1)
[ -n "$version" ] || die "Cargo.toml has no rust-version"
rustup toolchain install "$version" --profile minimal
for features in --no-default-features "" --all-features; do
  # shellcheck disable=SC2086 # none is no argument
  cargo "+$version" check --locked --lib $features --target-dir "$target/msrv"
done
