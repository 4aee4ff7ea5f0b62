"""The board of docs/grafana, and the guide's way to it.

board.py static: what each panel has to have. board.py unpack OUT: the section's program, configuration and commands,
as files. board.py live OUT PROGRAM: runs them, makes the dependency fail and recover, and asks Prometheus for the
result of every query.
"""

import itertools, json, pathlib, re, shlex, socket, subprocess, sys, threading, time, tomllib
import urllib.error, urllib.parse, urllib.request

BOARD = json.load(open("docs/grafana/tripcoil.json"))
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
NOTES = BOARD["annotations"]["list"]
# what is below the row
ROW = next(panel["gridPos"]["y"] for panel in BOARD["panels"] if panel["type"] == "row")
INSIGHT = {panel["title"] for panel in PANELS if panel["gridPos"]["y"] > ROW}

# What is bad, in a series' name or in its query, and the line that says so without its colour.
STYLES = {
    "fails": {"fill": "dash", "dash": [10, 6]},
    "rejected": {"fill": "dot", "dash": [2, 5]},
    "slow": {"fill": "dash", "dash": [10, 4, 2, 4]},
}
NAMED = [
    ("rejected", r" rejected\b|: good calls rejected$| over capacity$"),
    ("slow", r" slow$"),
    ("fails", r" (failure|failed|withheld|open|forced_open)$| (open|forced_open): |: wasted calls$"),
]
ASKED = [
    ("rejected", r"tripcoil_(registry_)?rejections_total"),
    ("slow", r"tripcoil_(registry_)?slow_calls_total|tripcoil_slow_ratio|tripcoil_late_probe|tripcoil_hang_calls"),
    (
        "fails",
        r"tripcoil_(failures_total|failure_ratio|consecutive_failures|would_trips_total|limit_reached|wasted_calls)"
        r"|tripcoil_registry_withheld",
    ),
]
# Values of labels that legends name, those that the crate exports among them.
LABELS = {
    "breaker": ["db"],
    "registry": ["tenants"],
    "outcome": ["success", "failure", "ignored", "cancelled", "late"],
    "state": ["closed", "open", "half_open", "forced_open", "disabled", "observe_only"],
    "to": ["closed", "open", "half_open", "forced_open", "disabled", "observe_only"],
    "cause": ["failure_rate", "manual", "probe_failed"],
    "kind": ["timeout", "connect", "other"],
    "reason": ["rejected", "failed"],
    "fleet": ["checkout"],
    "instance": ["10.0.0.1:9000"],
    "quantile": ["0.5", "0.9"],
}


# Why a fleet's store does not answer.
REASONS = {"reason": ["unreachable", "timeout", "denied", "read_only", "script", "protocol"]}


def series(legend, query):
    """Every name that a legend can have."""
    labels = re.findall(r"{{(\w+)}}", legend)
    known = LABELS | REASONS if "tripcoil_fleet" in query else LABELS
    for values in itertools.product(*(known[label] for label in labels)):
        name = legend
        for label, value in zip(labels, values):
            name = name.replace("{{" + label + "}}", value)
        yield name


def style(panel, name):
    """The line of a series: the last override that matches, or the panel's own."""
    config = panel["fieldConfig"]
    found = config["defaults"].get("custom", {}).get("lineStyle")
    for override in config["overrides"]:
        matcher = override["matcher"]
        assert matcher["id"] == "byRegexp", matcher
        if re.search(matcher["options"].strip("/"), name):
            found = next((p["value"] for p in override["properties"] if p["id"] == "custom.lineStyle"), found)
    return found


def first(table, text):
    return next((kind for kind, pattern in table if re.search(pattern, text)), None)


def queries():
    """Every query, with where it is and whether it is an annotation's."""
    for panel in PANELS:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for note in NOTES:
        yield note["name"], note["expr"]


def static():
    variables = {variable["name"]: variable for variable in BOARD["templating"]["list"]}
    assert list(variables) == ["datasource", "job", "instance", "breaker", "registry"], list(variables)
    assert [note["name"] for note in NOTES] == ["Openings", "Closings"] and NOTES[0]["enable"]
    for panel in PANELS:
        assert len(panel.get("description", "")) > 20, f"{panel['title']}: no description"
    for where, query in queries():
        metrics = re.findall(r"tripcoil_\w+", query)
        selectors = re.findall(r"tripcoil_\w+(?:\{([^}]*)\})", query)
        assert metrics and len(metrics) == len(selectors), f"{where}: a metric without a selector: {query}"
        variables = ["job", "instance", "registry" if "tripcoil_registry" in query else "breaker"]
        # of an instance, and of no breaker
        if re.search(r"tripcoil_fleet_(link|reports|failures|breakers)", query):
            variables.pop()
        for selector in selectors:
            for variable in variables:
                assert f'{variable}=~"${variable}"' in selector, f"{where}: not by {variable}: {query}"
    styled = 0
    for panel in PANELS:
        if panel["type"] == "state-timeline":
            # the word of each value is in its bar
            texts = [o["text"] for m in panel["fieldConfig"]["defaults"]["mappings"] for o in m["options"].values()]
            assert len(texts) == len(set(texts)) > 1, panel["title"]
            continue
        for target in panel["targets"]:
            # a quotient is about what is above the line
            above = target["expr"].split(" / ")[0]
            for name in series(target["legendFormat"], target["expr"]):
                bad = first(NAMED, name) or first(ASKED, above)
                expected = STYLES.get(bad)
                # the slowest hundredth is dashed as well, beside the median
                if expected or not name.endswith("99 %"):
                    line = style(panel, name)
                    assert line == expected, f"{panel['title']}: {name} is {line}, not {expected}"
                styled += expected is not None
    assert styled > 20, styled
    print(f"{len(PANELS)} panels, each with its description; {styled} names of series whose line says what is bad")


def section():
    guide = open("docs/guide.md").read()
    text = guide.split("\n## From `cargo add` to a board\n")[1].split("\n### ")[0].split("\n## ")[0]
    blocks = {}
    for kind, body in re.findall(r"```(\S+)\n(.*?)```", text, re.S):
        blocks.setdefault(kind.split(",")[0], []).append(body)
    (main,), (config,), (build, run) = blocks["rust"], blocks["yaml"], blocks["sh"]
    main = "".join(line + "\n" for line in main.splitlines() if not (line + " ").startswith("# "))
    return main, config, build.splitlines(), run.splitlines()


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def unpack(out):
    """With ports that are free, scrapes every second, and the versions of the workspace's lock file."""
    main, config, build, run = section()
    database, metrics, shop, server = ports = free_ports(4)
    for port, free in zip((5432, 9000, 8080), ports):
        assert f"127.0.0.1:{port}" in main
        main = main.replace(f"127.0.0.1:{port}", f"127.0.0.1:{free}")
        config = config.replace(f"127.0.0.1:{port}", f"127.0.0.1:{free}")
    assert config.count(": 5s") == 2 and str(metrics) in config
    config = config.replace(": 5s", ": 1s")

    out.mkdir(parents=True)
    # a workspace of its own, which `cargo new` joins
    (out / "Cargo.toml").write_text('[workspace]\nresolver = "3"\nmembers = []\n')
    (out / "Cargo.lock").write_text(open("Cargo.lock").read())
    new, *adds = [command for line in build for command in line.split(" && ")]
    assert new == "cargo new shop" and adds.pop(0) == "cd shop"
    subprocess.run([*shlex.split(new), "--quiet", "--vcs", "none"], cwd=out, check=True)
    folder = out / "shop"
    locked = {p["name"]: p["version"] for p in tomllib.load(open("Cargo.lock", "rb"))["package"]}
    for add in adds:
        words = shlex.split(add)
        assert words[:2] == ["cargo", "add"], add
        name = words[2]
        # the crate as it is here
        words[2:3] = ["--path", "."] if name == "tripcoil" else [f"{name}@{locked[name]}"]
        words = [str(pathlib.Path.cwd()) if word == "." else word for word in words]
        subprocess.run([*words, "--quiet"], cwd=folder, check=True)
    (folder / "src/main.rs").write_text(main)
    (folder / "prometheus.yml").write_text(config)
    (folder / "alerts.yml").write_text(open("docs/alerts.yml").read())
    assert run[1] == "cargo run" and run[2].startswith("prometheus ") and "curl" in run[3]
    (folder / "run.json").write_text(json.dumps({"ports": ports, "prometheus": run[2]}))


class Database:
    """Takes connections while it runs."""

    def __init__(self, port):
        self.port, self.listener = port, None

    def start(self):
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def accept(self, listener):
        while True:
            try:
                listener.accept()[0].close()
            except OSError:
                return

    def stop(self):
        # wakes the thread that accepts
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def until(what, holds, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if found := holds():
                return found
        except (OSError, KeyError):
            pass
        time.sleep(0.1)
    sys.exit(f"board.py: not in {seconds} s: {what}")


# What the program has no part of: a registry, an insight, a fleet; and a wait that may be over at each scrape.
EMPTY = {
    "Registry: breakers by state", "Registry: calls", "Registry: transitions, evictions, withheld trips",
    "Rest of the wait",
    *INSIGHT,
}  # fmt: skip
MUST = {"State", "Calls by outcome", "Transitions by cause", "Failures by kind", "Share of calls rejected"}
MUST |= {note["name"] for note in NOTES}


def live(out, program):
    folder = out / "shop"
    run = json.loads((folder / "run.json").read_text())
    database_port, metrics, shop, server = run["ports"]
    api = f"http://127.0.0.1:{server}/api/v1/"

    def ask(path, **parameters):
        status, body = get(api + path + "?" + urllib.parse.urlencode(parameters, doseq=True))
        answer = json.loads(body)
        assert status == 200 and answer["status"] == "success", f"{path} {parameters}: {status} {body}"
        return answer["data"]

    def value(query):
        found = ask("query", query=query)["result"]
        return float(found[0]["value"][1]) if found else None

    prometheus = [*shlex.split(run["prometheus"]), "--storage.tsdb.path=data"]
    prometheus.append(f"--web.listen-address=127.0.0.1:{server}")
    logs = [open(out / name, "w") for name in ("shop.log", "prometheus.log")]
    started = [
        subprocess.Popen([program], stdout=logs[0], stderr=logs[0]),
        subprocess.Popen(prometheus, cwd=folder, stdout=logs[1], stderr=logs[1]),
    ]
    answers, ended = [], threading.Event()

    def calls():
        while not ended.wait(0.02):
            try:
                answers.append(get(f"http://127.0.0.1:{shop}/orders"))
            except OSError:
                pass

    try:
        until("Prometheus is ready", lambda: get(f"http://127.0.0.1:{server}/-/ready")[0] == 200)
        database = Database(database_port)
        database.start()
        caller = threading.Thread(target=calls)
        caller.start()
        began = time.time()
        is_in = lambda state: value(f'tripcoil_state{{breaker="database", state="{state}"}}') == 1
        until("calls are scraped", lambda: value('rate(tripcoil_calls_total{outcome="success"}[5s])'))
        assert is_in("closed")
        database.stop()
        until("the breaker is open", lambda: is_in("open"))
        until("rejections are scraped", lambda: (value("sum(rate(tripcoil_rejections_total[5s]))") or 0) > 1)
        database.start()
        until("the breaker is closed", lambda: is_in("closed"))
        rules = lambda: [rule for group in ask("rules")["groups"] for rule in group["rules"]]
        until("alerts are evaluated", lambda: all(rule["health"] == "ok" for rule in rules()))
        # a scrape more, for rates and for what comes after the close
        closed = time.time()
        until("two more scrapes", lambda: value("timestamp(tripcoil_state)") > closed + 2)
        now = time.time()
        ended.set()
        caller.join()

        statuses = {status for status, _ in answers}
        assert statuses == {200, 502, 503}, statuses
        assert any(text.startswith("the breaker is open") for status, text in answers if status == 503)

        values = {"job": "shop", "instance": f"127.0.0.1:{metrics}", "breaker": "database"}
        for variable in BOARD["templating"]["list"][1:]:
            asked = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"])
            match = re.sub(r"\$\w+", ".*", asked[1])
            found = ask(f"label/{asked[2]}/values", **{"match[]": match})
            expected = values.get(variable["name"])
            assert found == ([expected] if expected else []), f"${variable['name']}: {found}"

        empty, full = set(), set()
        # all of each variable, and then one
        one = {"job": "shop", "instance": values["instance"].replace(".", "[.]"), "breaker": "database"}
        for chosen in ({}, one | {"registry": "none"}):
            for where, query in queries():
                text = query.replace("$__rate_interval", "4s")
                text = re.sub(r"\$(\w+)", lambda variable: chosen.get(variable[1], ".*"), text)
                result = ask("query_range", query=text, start=began, end=now, step="1s")["result"]
                # a quotient of nothing by nothing is no data
                points = [point for one in result for point in one["values"] if point[1] != "NaN"]
                (full if points else empty).add(where)
                assert points or where in EMPTY, f"{where}: no data: {text}"
                if where in MUST:
                    assert any(float(point[1]) > 0 for point in points), f"{where}: only zeros: {text}"
        assert MUST <= full

        loaded = {rule["name"] for rule in rules()}
        assert loaded == set(re.findall(r"- alert: (\w+)", open("docs/alerts.yml").read())), loaded
        by_status = {status: sum(s == status for s, _ in answers) for status in sorted(statuses)}
        print(f"calls by status: {by_status}; from the start to the last scrape {now - began:.0f} s")
        print(f"{len(list(queries()))} queries; {len(full)} panels and annotations with data; {len(loaded)} alerts")
        print(f"without data, as the program has no part of it: {', '.join(sorted(empty - full))}")
    finally:
        ended.set()
        for one in started:
            one.terminate()
        for one in started:
            one.wait()


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what == "static":
        static()
    elif what == "unpack":
        unpack(pathlib.Path(rest[0]).absolute())
    else:
        live(pathlib.Path(rest[0]).absolute(), rest[1])
