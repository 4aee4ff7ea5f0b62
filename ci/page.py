"""Looks at the gateway's page and clicks there: ci/page.py URL FOLDER, by ci/page.sh.

A plain WebDriver client: chromedriver speaks HTTP and JSON.
"""

import base64, json, os, pathlib, re, subprocess, sys, tempfile, time, urllib.error, urllib.request

URL, OUT = sys.argv[1], pathlib.Path(sys.argv[2])
TOKEN = os.environ["GATEWAY_TOKEN"]
ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--window-size=1200,900",
]
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"

# what a person sees of each row
ROWS = """
const text = (row, where) => row.querySelector(where).innerText.trim();
return [...document.querySelectorAll("#breakers > *")].map((row) => ({
  name: text(row, "h2"),
  state: text(row, ".state"),
  colour: getComputedStyle(row.querySelector(".state")).backgroundColor,
  since: text(row, ".since"),
  failed: text(row, ".failure-rate"),
  slow: text(row, ".slow-rate"),
  calls: Number(text(row, ".window-calls")),
  retry: text(row, ".retry-after"),
  rejected: Number(text(row, ".rejected")),
  bars: [...row.querySelectorAll("svg .calls")].filter((bar) => bar.getBoundingClientRect().height > 1).length,
  caption: text(row, "figcaption"),
  red: [...row.querySelectorAll("svg .failed")].filter((bar) => bar.getBoundingClientRect().height > 1).length,
  line: row.querySelectorAll("svg polyline").length,
  history: [...row.querySelectorAll("li")].map((li) => li.innerText.replace(/\\s+/g, " ").trim()),
  enabled: [...row.querySelectorAll("button")].filter((b) => !b.disabled).map((b) => b.innerText),
}));
"""


def ask(method, url, body=None, timeout=30):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return json.load(answer)["value"]
    except urllib.error.HTTPError as error:
        sys.exit(f"chromedriver: {method} {url}: {error.read().decode()[:600]}")


class Browser:
    def __init__(self, port, profile):
        options = {"args": [*ARGUMENTS, f"--user-data-dir={profile}"]}
        options["binary"] = subprocess.check_output(["which", "chromium"], text=True).strip()
        wanted = {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options,
                                  "goog:loggingPrefs": {"browser": "ALL"}}}
        base = f"http://127.0.0.1:{port}/session"
        made = ask("POST", base, {"capabilities": wanted}, timeout=120)
        self.at = f"{base}/{made['sessionId']}"

    def do(self, path, body=None):
        return ask("POST", f"{self.at}/{path}", body or {})

    def run(self, script):
        return self.do("execute/sync", {"script": script, "args": []})

    def rows(self):
        return {row["name"]: row for row in self.run(ROWS)}

    def element(self, css):
        return self.do("element", {"using": "css selector", "value": css})[ELEMENT]

    def click(self, name, action):
        """Where a person would: chromedriver refuses what is covered or out of sight."""
        self.do(f"element/{self.element(f'[data-name={name}] [data-action={action}]')}/click")

    def type(self, css, text):
        element = self.element(css)
        self.do(f"element/{element}/clear")
        self.do(f"element/{element}/value", {"text": text})

    def said(self):
        return self.run("const s = document.getElementById('said'); return [s.innerText, s.className]")

    def devtools(self, command, **parameters):
        return self.do("goog/cdp/execute", {"cmd": command, "params": parameters})

    def picture(self, name, width, scheme):
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        screen = {"width": width, "height": 3000, "deviceScaleFactor": 1, "mobile": False}
        self.devtools("Emulation.setDeviceMetricsOverride", **screen)
        page = self.run("return [document.documentElement.scrollWidth, document.body.offsetHeight]")
        assert page[0] <= width, f"{page[0]} px wide on a screen of {width}"
        self.devtools("Emulation.setDeviceMetricsOverride", **{**screen, "height": page[1]})
        made = self.devtools("Page.captureScreenshot", format="png")
        (OUT / f"{name}.png").write_bytes(base64.b64decode(made["data"]))

    def quit(self):
        ask("DELETE", self.at)


def until(what, look, limit):
    """What `look` shows, once it is something."""
    end = time.monotonic() + limit
    while not (seen := look()):
        assert time.monotonic() < end, f"not within {limit} s: {what}"
        time.sleep(0.1)
    return seen


def check(browser):
    browser.do("url", {"url": URL})

    def all_called():
        rows = browser.rows()
        return rows if len(rows) == 3 and all(row["bars"] >= 5 for row in rows.values()) else None

    rows = until("three rows with sparklines", all_called, 15)
    assert list(rows) == ["orders", "stock", "search"], list(rows)
    assert len({row["colour"] for row in rows.values() if row["state"] == "closed"}) == 1
    for row in rows.values():
        assert re.fullmatch(r"for [\d.]+ (s|min)", row["since"]), row
        assert re.fullmatch(r"\d+ %", row["failed"]) and re.fullmatch(r"\d+ %", row["slow"]), row
        assert row["calls"] > 0, row
    closed = rows["orders"]
    assert closed["state"] == "closed" and closed["retry"] == "–", closed
    assert closed["enabled"] == ["Force open", "Reset"] and closed["history"] == ["none"], closed
    calls = [closed["calls"]]

    def moved():
        calls.append(browser.rows()["orders"]["calls"])
        return calls[-1] != calls[0]

    until("the page is live", moved, 5)
    print("three rows, each with its state, its rates and a sparkline that moves")

    # a wrong token, and none
    for wrong in ("wrong", ""):
        browser.type("#token", wrong)
        browser.click("orders", "force-open")
        text, kind = until("an error is shown", lambda: (s := browser.said())[0] and s, 5)
        assert kind == "error" and "token" in text and "401" in text, (text, kind)
        assert browser.rows()["orders"]["state"] == "closed"
    print(f"refused: {text}")

    # the right one
    browser.type("#token", TOKEN)
    browser.click("orders", "force-open")
    forced = until("forced open", lambda: (r := browser.rows()["orders"])["state"] == "forced open" and r, 5)
    assert browser.said()[1] == "", browser.said()
    assert forced["colour"] != closed["colour"] and forced["enabled"] == ["Release", "Reset"], forced
    assert "closed → forced open manual" in forced["history"][0], forced
    browser.picture("forced", 1200, "light")
    until("rejections are counted", lambda: browser.rows()["orders"]["rejected"] > forced["rejected"], 5)
    browser.do("refresh")
    kept = until("the token is kept", lambda: browser.run("return document.getElementById('token').value"), 5)
    assert kept == TOKEN
    until("the rows are back", lambda: len(browser.rows()) == 3, 5)
    browser.click("orders", "release")
    until("released", lambda: browser.rows()["orders"]["state"] == "closed", 5)
    browser.click("orders", "reset")
    until("reset", lambda: "closed → closed manual" in browser.rows()["orders"]["history"][0], 5)
    print("forced open, released and reset, by clicks")

    # what the script of the upstreams does to the others
    stock = until("stock is open", lambda: (r := browser.rows()["stock"])["state"] == "open" and r, 40)
    assert stock["red"] >= 5 and int(stock["failed"].split()[0]) >= 50, stock
    assert re.fullmatch(r"[\d.]+ s", stock["retry"]), stock
    assert "closed → open failure rate" in " ".join(stock["history"]), stock
    pictures(browser, "stock")
    search = until("search is open", lambda: (r := browser.rows()["search"])["state"] == "open" and r, 40)
    assert search["line"] == 1 and search["red"] <= 2 and int(search["slow"].split()[0]) >= 50, search
    assert "closed → open slow rate" in " ".join(search["history"]), search
    pictures(browser, "search")
    probing = until("search is half-open", lambda: (r := browser.rows()["search"])["state"] == "half-open" and r, 20)
    assert probing["retry"] == "–" and "open → half-open open elapsed" in probing["history"][0], probing
    assert re.search(r"; probes: [0-2] out, \d+ good, \d+ bad$", probing["caption"]), probing
    pictures(browser, "half-open")
    colours = {row["colour"] for row in (closed, forced, stock, probing)}
    assert len(colours) == 4, colours
    print("stock seen open by its failures, search by its slow calls, and half-open")

    # a name that would be markup, from a server that is not ours
    name = '<img src=x onerror="document.title=1">&amp;'
    browser.run(f"""
      window.fetch = async (url) => {{
        if (url !== "breakers.json") return new Response(JSON.stringify({{ error: {json.dumps(name)} }}), {{ status: 500 }});
        const counts = {{ calls: 3, failures: 1, slow: 0 }};
        return new Response(JSON.stringify([{{
          name: {json.dumps(name)}, state: {json.dumps(name)}, time_in_state_ms: 1, retry_after_ms: 7000,
          failure_rate: 1 / 3, slow_rate: 0, window: counts, buckets: [counts], probes: null, rejected: {json.dumps(name)},
          transitions: [{{ generation: 1, from: {json.dumps(name)}, to: "open", cause: {json.dumps(name)}, ago_ms: 5, counts }}],
        }}]));
      }};
    """)
    until("the strange row", lambda: name in browser.rows(), 5)
    row = browser.rows()[name]
    assert row["state"] == name and row["failed"] == "33 %" and row["retry"] == "7.0 s", row
    browser.run("document.querySelector('[data-action=reset]').click()")
    until("the strange error", lambda: name in browser.said()[0], 5)
    browser.picture("strange-narrow", 390, "dark")
    made = browser.run("return [document.querySelectorAll('img').length, document.title]")
    assert made == [0, "Breakers"], made
    print("a name that would be markup is text")

    # nobody there
    browser.run("window.fetch = async () => { throw new TypeError('gone') }")
    lost = lambda: browser.run("const l = document.getElementById('live'); return [l.className, l.innerText]")
    until("the loss is shown", lambda: lost()[0] == "lost" and "no answer" in lost()[1], 5)

    # the refusals are what the browser itself reports of them
    log = [entry["message"] for entry in browser.do("se/log", {"type": "browser"})]
    wrong = [line for line in log if "401 (Unauthorized)" not in line]
    assert len(log) - len(wrong) == 2 and not wrong, log
    print("the browser's console has nothing else to say")


def pictures(browser, name):
    browser.picture(f"{name}-narrow", 390, "light")
    browser.picture(f"{name}-dark", 1200, "dark")
    browser.picture(name, 1200, "light")


def driver():
    """chromedriver on a port of its choice, which it tells."""
    started = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True)
    for line in started.stdout:
        if found := re.search(r"started successfully on port (\d+)", line):
            return started, int(found[1])
    sys.exit("chromedriver has not started")


with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
    process, port = driver()
    try:
        browser = Browser(port, profile)
        try:
            check(browser)
        finally:
            browser.quit()
    finally:
        process.terminate()
        process.wait()
