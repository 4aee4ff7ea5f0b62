#!/usr/bin/env bash
# The README's main command, and what it leaves behind: looked at without the example's own help.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"

rm -rf target/outage
cargo run --release -p outage
python3 - <<'PY'
import json, re

report = json.load(open("target/outage/report.json"))
states = [t["to"] for t in report["transitions"]]
cycles = len(re.findall("open,half-open,closed", ",".join(states)))
guarded, unguarded = report["guarded"], report["unguarded"]
print(f"{cycles} recoveries; wasted: {guarded['wasted_calls']} of {unguarded['wasted_calls']}")
assert cycles > 1, "closed, open, half-open, closed: more than once"
assert unguarded["wasted_calls"] > 1000, "no outage to speak of"
assert guarded["wasted_calls"] * 10 <= unguarded["wasted_calls"], "more than a tenth is wasted"
for group in (guarded, unguarded):
    assert group["calls"] == group["ok"] + group["failed"] + group["rejected"] > 0
    assert 0 < group["p50_ms"] <= group["p99_ms"]
svg = open("target/outage/timeline.svg").read()
assert svg.startswith("<svg") and svg.rstrip().endswith("</svg>") and len(svg) > 10_000
PY
