#!/usr/bin/env bash
# The README's main command, and what it leaves behind: looked at without the example's own help.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"

rm -rf target/outage
cargo run --release -p outage
python3 - <<'PY'
import json, re

report = json.load(open("target/outage/report.json"))
groups = {group["name"]: group for group in report["groups"]}
unguarded = groups["no breaker"]["wasted_calls"]
assert unguarded > 1000, "no outage to speak of"
for name in ("defaults", "adaptive"):
    wasted = groups[name]["wasted_calls"]
    print(f"{name}: {wasted} of {unguarded} are wasted")
    assert any(t["to"] == "open" for t in groups[name]["transitions"]), f"{name}: it did not open"
    assert wasted * 10 <= unguarded, f"{name}: more than a tenth is wasted"
states = [t["to"] for t in groups["adaptive"]["transitions"]]
cycles = len(re.findall("open,half-open,closed", ",".join(states)))
print(f"adaptive: {cycles} recoveries")
assert cycles > 1, "closed, open, half-open, closed: more than once"
for group in groups.values():
    assert group["calls"] == group["ok"] + group["failed"] + group["rejected"] > 0
    assert 0 < group["p50_ms"] <= group["p99_ms"]
svg = open("target/outage/timeline.svg").read()
assert svg.startswith("<svg") and svg.rstrip().endswith("</svg>") and len(svg) > 10_000
PY
