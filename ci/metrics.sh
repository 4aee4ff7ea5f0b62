#!/usr/bin/env bash
# The series as a Prometheus server scrapes them, and what the board and the alerts make of them; and the guide's way
# from `cargo add` to a board, with its own commands, program and configuration.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"
need_command promtool prometheus
need_command prometheus prometheus

# each name, label and value that is asked for is exported
cargo test --features fleet,insight,metrics,registry --test metrics

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

python3 -B ci/board.py static

# each query of the board, by the server, while the guide's program serves through an outage
rm -rf "$target/board"
python3 -B ci/board.py unpack "$target/board"
cargo build --manifest-path "$target/board/shop/Cargo.toml" --target-dir "$target/board-build"
if ! python3 -B ci/board.py live "$target/board" "$target/board-build/debug/shop"; then
  tail -n 20 "$target/board"/*.log
  die "the board is not as it should be"
fi
