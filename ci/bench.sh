#!/usr/bin/env bash
# Each bench runs, once, and is not timed: a shared machine's times would tell nothing.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"

for bench in single contended clock registry instructions; do
  cargo bench -p tripcoil-benches --bench "$bench" -- --test
done
