#!/usr/bin/env bash
# The README's test command, and again with every feature.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"

cargo test --no-fail-fast
cargo test --all-features --no-fail-fast
