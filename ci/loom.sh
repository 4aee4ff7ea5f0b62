#!/usr/bin/env bash
# The models, on a patched loom: the canary first, since without the patch the others prove little.
#   ci/loom.sh [--full] [--stale] [TEST ...]
# Without --full each model is cut at two preemptions. With --stale loads may return old values, as
# the memory model permits; only the models that end so are run.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"

cfg="--cfg tripcoil_loom"
build=$target/loom/build
figures="loom"
ending=()
while [[ ${1:-} == --* ]]; do
  case $1 in
  --full)
    export TRIPCOIL_LOOM_FULL=1
    figures="loom-full"
    ;;
  --stale)
    cfg="$cfg --cfg tripcoil_loom_stale"
    build=$target/loom/stale
    figures="loom-stale"
    # each within half a minute
    ending=(
      a_call_without_a_result a_history_that_goes_round a_look_at_a_log_is a_place_is_handed_over
      a_reclose_counts a_round_is_decided a_round_of_cancelled_probes a_slot_comes_back
      an_admission_puts an_allowance_by_rate an_earlier_deadline growth_gives_no_allowance
      no_more_probes_than no_run_without nobody_is_admitted_once_open racing_trips
      the_history_has_each two_failures_trip two_slow_calls
    )
    ;;
  *) die "unknown option $1" ;;
  esac
  shift
done
# of single models there is no whole
keep=()
[ $# -gt 0 ] || keep=(keep_figures "$figures")
[ $# -gt 0 ] || set -- "${ending[@]}"

loom=$(patched_loom)
models() {
  RUSTFLAGS=$cfg cargo test --manifest-path loom-tests/Cargo.toml --release \
    --target-dir "$build" --config "patch.crates-io.loom.path=\"$loom\"" "$@"
}

models --test canary
if [ ${#ending[@]} = 0 ]; then
  "${keep[@]}" models --tests -- --nocapture "$@"
else
  "${keep[@]}" models --tests -- --nocapture "$@" | tee "$target/loom/stale.log"
  # a model by another name would be skipped without a word
  for name in "$@"; do
    grep -qE "^test $name.* ok$" "$target/loom/stale.log" || die "no model is called $name..."
  done
fi
