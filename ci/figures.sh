#!/usr/bin/env bash
# The figures of docs/internals/proof.md against what the step checker and the models printed last: ci/figures.sh
# [--write]. Where they have not run since their sources changed, they are run. `ci/loom.sh --full` and
# `ci/loom.sh --stale` leave their figures too, which are compared where they are.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"

# The step checker's stripes are as many as the CPUs allow, and so are its stops.
[ "$(nproc)" = 2 ] || echo "warning: the figures are of two CPUs, and here are $(nproc)" >&2

# fresh NAME DIR...: has it printed, and has no source changed since?
fresh() {
  local log=$target/figures/$1.log
  [ -e "$log" ] && [ -z "$(find src "${@:2}" -name '*.rs' -newer "$log" -print -quit)" ]
}
fresh step tests/step || ci/step.sh
fresh loom loom-tests/src loom-tests/tests || ci/loom.sh
for name in loom-full loom-stale; do
  fresh "$name" loom-tests/src loom-tests/tests || rm -f "$target/figures/$name.log"
done
python3 ci/figures.py "$target/figures" "$@"
