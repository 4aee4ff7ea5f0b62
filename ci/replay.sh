#!/usr/bin/env bash
# Large logs through the lab's replay: what it says about them, the memory that it takes, and its page in a headless
# browser. ci/replay.sh [--full]: with ten million lines. Pictures are left in target/replay.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"
need_command chromium chromium
need_command chromedriver chromium-driver

cargo build --release --package tripcoil-lab
out=$target/replay
rm -rf "$out"
mkdir -p "$out"

# measured MEGABYTES ARGUMENT..: replays, prints how long it took, and fails above so much resident memory
measured() {
  python3 - "$target/release/tripcoil-lab" "$@" <<'PY'
import resource, subprocess, sys, time

program, limit, arguments = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
begin = time.monotonic()
subprocess.run([program, "replay", *arguments], check=True)
# of the one child that there was, in kB
most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6
print(f"{time.monotonic() - begin:.1f} s, {most:.0f} MB")
sys.exit(most > limit and f"more than {limit} MB")
PY
}

python3 ci/replay_log.py 1000000 "$out/million.csv.gz"
printf 'failure_rate = 0.3\nslow_call = "20ms"\nmin_throughput = 100\nopen_for = "5s"\n' >"$out/own rules.toml"
measured 64 "$out/million.csv.gz" --ends --config adaptive
measured 64 "$out/million.csv.gz" --ends --key host --config default --config adaptive \
  --config "<b>own</b>=$out/own rules.toml" --html "$out/page.html" --json "$out/page.json"
python3 - "$out/page.json" <<'PY'
import json, sys

report = json.load(open(sys.argv[1]))
log, configurations = report["log"], report["configurations"]
assert (log["calls"], log["bad_lines"], log["keys"]) == (1_000_000, 0, 8), log
all_of = lambda counts: sum(counts.values())
for of in configurations:
    assert all_of(of["admitted"]) + all_of(of["rejected"]) == log["calls"], of["name"]
    assert sum(all_of(b["admitted"]) + all_of(b["rejected"]) for b in of["buckets"]) == log["calls"]
    assert abs(sum(b["open_s"] for b in of["buckets"]) - of["open_s"]) < 1e-3, of["name"]
    # three outages, and eight hosts
    assert of["openings"] >= 24 and len(of["worst_keys"]) == 8, of["openings"]
for of in configurations[:2]:
    assert of["rejected"]["bad"] > 0.9 * log["failed"], of["name"]
    assert of["good_rejected_share"] < 0.05, of["name"]
PY
python3 -B ci/replay_page.py "$out/page.html" "$out/page.json" "$out"

if [ "${1:-}" = --full ]; then
  python3 ci/replay_log.py 10000000 "$out/huge.csv"
  measured 256 "$out/huge.csv" --ends
  # in no order at all
  (head -1 "$out/huge.csv" && tail -n +2 "$out/huge.csv" | shuf --random-source=<(yes)) >"$out/shuffled.csv"
  measured 256 "$out/shuffled.csv" --ends
  rm "$out/huge.csv" "$out/shuffled.csv"
fi
