#!/usr/bin/env python3
"""Runs the timed benches several times, and prints each as a ratio to the floor of its own run: the
median over the runs, with the lowest and the highest. Benches on two threads that had no CPU each are
left out of their run. Usage: benches/ratios.py [RUNS]"""
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BENCHES = ["single", "contended", "clock"]
RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 7


def one_run():
    """The nanoseconds of each bench, in their order."""
    spoilt = set()
    for bench in BENCHES:
        command = ["cargo", "bench", "--quiet", "-p", "tripcoil-benches", "--bench", bench]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr)
        spoilt |= set(re.findall(r"^not contended: (.*) \(", done.stderr, re.MULTILINE))
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    found = [f for bench in BENCHES for f in (target / "criterion" / bench).glob("*/new/estimates.json")]
    found.sort(key=lambda f: f.stat().st_mtime)
    name = lambda f: json.loads((f.parent / "benchmark.json").read_text())["full_id"]
    median = lambda f: json.loads(f.read_text())["median"]["point_estimate"]
    return {name(f): None if name(f) in spoilt else median(f) for f in found}


runs = [one_run() for _ in range(RUNS)]
print("| bench | ratio | lowest to highest | ns | runs |\n|---|---|---|---|---|")
for bench in runs[0]:
    floor = bench.split("/")[0] + "/floor"
    good = [run for run in runs if run[bench] and run[floor]]
    if not good:
        print(f"| {bench} | | | | 0 |")
        continue
    ratios = sorted(run[bench] / run[floor] for run in good)
    ns = statistics.median(run[bench] for run in good)
    ratio = statistics.median(ratios)
    print(f"| {bench} | {ratio:.1f} | {ratios[0]:.1f} to {ratios[-1]:.1f} | {ns:.1f} | {len(good)} |")
