#!/usr/bin/env bash
# Randomised schedules of 4 to 8 threads, on the real source, under shuttle.
#   ci/schedules.sh [--full] [TEST ...]
# TRIPCOIL_SECONDS sets for how long each test explores: 13 by default, 300 with --full; and TRIPCOIL_SEED
# with which plan it begins. What fails is printed with its plan and its schedule.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"

seconds=13
if [ "${1:-}" = --full ]; then
  seconds=300
  shift
fi
export TRIPCOIL_SECONDS=${TRIPCOIL_SECONDS:-$seconds}
RUSTFLAGS="--cfg tripcoil_shuttle" cargo test --manifest-path loom-tests/schedules/Cargo.toml --release \
  --target-dir "$target/schedules" -- --nocapture "$@"
