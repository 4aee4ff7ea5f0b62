#!/usr/bin/env bash
# Each feature and each two of them build by themselves, with nothing switched on by a dev-dependency.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"
need_tool cargo-hack 0.6.46

RUSTFLAGS="-D warnings" cargo hack check --lib --feature-powerset --depth 2 --target-dir "$target/features"
