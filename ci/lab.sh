#!/usr/bin/env bash
# How well the breaker decides, in simulated time: the lab's tests, the figures of all subjects on one day of
# each shape, the targets of lab/targets.toml over three days, and how well the insight predicts.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"

cargo test --release --package tripcoil-lab
cargo build --release --package tripcoil-lab
lab=$target/release/tripcoil-lab

figures=$target/lab/table.json
mkdir -p "$target/lab"
"$lab" table --seeds 1 --json "$figures" >"$target/lab/table.md"
python3 - "$figures" <<'PY'
import json, sys

shapes = json.load(open(sys.argv[1]))["shapes"]
runs = [subject for shape in shapes for subject in shape["subjects"]]
measured = sum(f["median"] is not None for run in runs for f in run["figures"].values())
print(f"{len(shapes)} shapes, {len(runs)} runs, {measured} figures")
for shape in shapes:
    # there is something to measure in each shape, and not all subjects do the same
    goodput = [s["figures"]["goodput"]["median"] for s in shape["subjects"]]
    assert all(0 <= figure <= 100 for figure in goodput), shape["shape"]
assert sum(len({str(s["figures"]) for s in shape["subjects"]}) > 1 for shape in shapes) > len(shapes) / 2
PY

"$lab" check lab/targets.toml --seeds 3
"$lab" insight --seeds 3 --check
# a target that cannot be met has to fail
printf '[[target]]\nsubject = "default"\nshape = "rand-fast"\nfigure = "wasted"\nat_most = 0\n' >"$target/lab/impossible.toml"
! "$lab" check "$target/lab/impossible.toml" --seeds 1 >"$target/lab/impossible.log" 2>&1 ||
  die "an impossible target was met"
grep -q 'NOT MET' "$target/lab/impossible.log" || die "no line for the target that is missed"

# a tuner mends a badly set breaker, and leaves a well-set one alone
"$lab" tuning --hours 3 --check
