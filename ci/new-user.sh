#!/usr/bin/env bash
# As a new user would: a crate outside the workspace puts a breaker in front of its HTTP client, in at
# most ten lines, which are those that the README shows, and trips it. Its tests use the test kit.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"

out=$target/new-user
mkdir -p "$out"
python3 - <<'PY'
import re, sys, textwrap

main, readme = open("ci/new-user/src/main.rs").read(), open("README.md").read()
marked = re.findall(r"// guard: begin\n(.*?)\n *// guard: end", main, re.S)
assert len(marked) == 1, "one pair of marks"
guard = textwrap.dedent(marked[0])
lines = [line for line in guard.splitlines() if line.strip()]
assert 0 < len(lines) <= 10, f"the guard takes {len(lines)} lines"
assert "tripcoil" not in main.replace(marked[0], ""), "the crate is used outside of the marked lines"
assert f"```rust,ignore\n{guard}\n```\n" in readme, "the README does not show these lines:\n" + guard
print(f"{len(lines)} lines guard the client")
PY

cargo run --manifest-path ci/new-user/Cargo.toml --target-dir "$out" >"$out/output" || die "it failed: see $out/output"
python3 - "$out/output" <<'PY'
import sys

answers, _, metrics = open(sys.argv[1]).read().partition("# ")
print(answers, end="")
answers = answers.split("\n")
assert answers[:3] == ["200 OK"] * 3 and answers[3:6] == ["503 Service Unavailable"] * 3, answers
assert len(answers) == 10 and answers[9] == "", answers
for answer in answers[6:9]:
    assert answer.startswith("call not made: the breaker is open (failure rate), retry after "), answer
values = dict(line.rsplit(" ", 1) for line in metrics.splitlines() if line and not line.startswith("#"))
for series, value in {
    'calls_total{breaker="orders",outcome="success"}': 3,
    'calls_total{breaker="orders",outcome="failure"}': 3,
    'failures_total{breaker="orders",kind="server"}': 3,
    'rejections_total{breaker="orders",state="open"}': 3,
    'transitions_total{breaker="orders",to="open",cause="failure_rate"}': 1,
    'state{breaker="orders",state="open"}': 1,
    'state{breaker="orders",state="closed"}': 0,
}.items():
    seen = values.get("tripcoil_" + series)
    assert seen is not None and float(seen) == value, f"{series} is {seen}, not {value}"
    print(f"tripcoil_{series} {value}")
PY

cargo test --manifest-path ci/new-user/Cargo.toml --target-dir "$out" --test outage
