#!/usr/bin/env bash
# The series as a Prometheus server scrapes them, and what the board and the alerts make of them.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"
need_command promtool prometheus

# each name, label and value that is asked for is exported
cargo test --features insight,metrics,registry --test metrics

promtool check rules docs/alerts.yml
promtool test rules docs/alerts_test.yml
python3 - <<'PY'
import re
alerts = set(re.findall(r"- alert: (\w+)", open("docs/alerts.yml").read()))
tested = open("docs/alerts_test.yml").read()
for alert in sorted(alerts):
    of_it = tested.split("alertname: " + alert)[1:]
    fires = [part.lstrip().startswith("exp_alerts:") for part in of_it]
    assert True in fires and False in fires, f"{alert}: shown to fire, and not to"
print(f"{len(alerts)} alerts, each shown to fire and not to")
PY

# the board's queries, as rules, which promtool parses; not those of its variables, which are no PromQL
rules=$target/board-rules.yml
python3 - "$rules" <<'PY'
import json, sys

def queries(value):
    if isinstance(value, dict):
        yield from ([value["expr"]] if isinstance(value.get("expr"), str) else [])
        for inner in value.values():
            yield from queries(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from queries(inner)

found = list(queries(json.load(open("docs/grafana/tripcoil.json"))))
assert len(found) > 10, "the board has lost its queries"
rule = lambda n, q: {"record": f"board:query:{n}", "expr": q.replace("$__rate_interval", "1m")}
groups = [{"name": "board", "rules": [rule(n, q) for n, q in enumerate(found)]}]
json.dump({"groups": groups}, open(sys.argv[1], "w"))
PY
promtool check rules "$rules"
