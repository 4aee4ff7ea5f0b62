#!/usr/bin/env bash
# The step checker: a call is stopped before each of its accesses, others run to their end, and it
# goes on. ci/step.sh [--full]: with every pair of stops.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"

if [ "${1:-}" = --full ]; then
  export TRIPCOIL_STEP_FULL=1
  shift
fi
check() {
  RUSTFLAGS="--cfg tripcoil_step" cargo test --release --target-dir "$target/step" --test step -- \
    --nocapture "$@"
}
if [ $# -gt 0 ] || [ -n "${TRIPCOIL_STEP_FULL:-}" ]; then
  check "$@"
else
  keep_figures step check
fi
