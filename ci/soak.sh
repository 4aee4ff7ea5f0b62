#!/usr/bin/env bash
# The soak: calls from two threads, with everything going on, and every count checked. ci/soak.sh
# [CALLS]: 10,000,000 by default; 1000000000 for the full run, some minutes. And the tags that take so
# many outcomes to come round.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"

export TRIPCOIL_SOAK=${1:-10000000}
cargo test --release --test soak -- --nocapture
cargo test --release --lib wrap_tests
