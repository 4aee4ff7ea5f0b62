#!/usr/bin/env bash
# The README's main command, and what it leaves behind: looked at without the example's own help. A replay of its
# logs under the same configurations has to open as the breakers did.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"

rm -rf target/outage
cargo run --release -p outage -- --log target/outage/log
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

# what is wrong with the command line is reported before anything runs
! cargo run --quiet --release -p outage -- --logs x >/dev/null 2>&1 || die "a wrong option was taken"

cargo build --release --package tripcoil-lab
printf 'profile = "adaptive"\nslow_call = "125ms"\n' >target/outage/adaptive.toml
for group in defaults=default adaptive=adaptive=target/outage/adaptive.toml; do
  "$target/release/tripcoil-lab" replay "target/outage/log/${group%%=*}.csv" --outcome outcome \
    --config "${group#*=}" --json "target/outage/log/${group%%=*}.json" >/dev/null
done
python3 - <<'PY'
import csv, json

BUCKET = 1  # second: ten of them are the window of both
# While the servers flap, which calls have a known outcome depends on what the breaker had admitted.
phases = json.load(open("target/outage/report.json"))["phases"]
FLAPPING = next(phase["from_ms"] for phase in phases if phase["name"] == "flapping") / 1e3


def outages(changes):
    """From closed to open, and until it is closed again."""
    found = []
    for at, old, new in changes:
        if (old, new) == ("closed", "open"):
            found.append([at, float("inf")])
        elif new == "closed" and found:
            found[-1][1] = at
    return found


def missing(openings, others):
    """Those at whose time the others neither open within a bucket, nor are open or half-open."""
    near = lambda at, other: abs(at - other[0]) <= BUCKET or other[0] < at < other[1]
    return [at for at, _ in openings if not any(near(at, other) for other in others)]


rows = list(csv.DictReader(open("target/outage/log/transitions.csv")))
for group in ("defaults", "adaptive"):
    real = outages([(float(r["time"]), r["from"], r["to"]) for r in rows if r["group"] == group])
    report = json.load(open(f"target/outage/log/{group}.json"))
    (replayed,) = report["configurations"]
    assert report["log"]["bad_lines"] == 0 and report["log"]["calls"] > 10_000, report["log"]
    again = []
    for opening in replayed["first_openings"]:
        at, lasted = float(report["log"]["begins"]) + opening["at_s"], opening["lasted_s"]
        again.append((at, float("inf") if lasted is None else at + lasted))
    assert len(again) == replayed["openings"]
    before = [[at for at, _ in openings if at < FLAPPING] for openings in (real, again)]
    assert len(before[0]) == len(before[1]) > 0, (group, before)
    apart = max(abs(a - b) for a, b in zip(*before))
    assert apart <= BUCKET, (group, before)
    lost = missing(real, again) + missing(again, real)
    assert not lost, (group, lost, real, again)
    print(f"{group}: {len(real)} openings, {len(again)} when replayed; before the flapping at most {apart * 1e3:.1f} ms apart")
PY
