#!/usr/bin/env bash
# Histories of real threads at full speed, checked against the model: ci/histories.sh [--full]
# TRIPCOIL_HISTORIES sets how many by each of three clocks, and under each of four adaptive rules: 6,000 by
# default, 100,000 with --full; and TRIPCOIL_SEED where the random programs begin.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"

histories=6000
if [ "${1:-}" = --full ]; then
  histories=60000
  shift
fi
export TRIPCOIL_HISTORIES=${TRIPCOIL_HISTORIES:-$histories}
cargo test --release --test histories -- --nocapture "$@"
