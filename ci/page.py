"""Looks at the gateway's page and clicks there: ci/page.py URL FOLDER, by ci/page.sh."""

import json, os, pathlib, re, sys, time

from browser import Browser, opened

URL, OUT = sys.argv[1], pathlib.Path(sys.argv[2])
TOKEN = os.environ["GATEWAY_TOKEN"]

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
  red: [...row.querySelectorAll("svg .failed")].filter((bar) =>
    bar.getBoundingClientRect().height > 1 && getComputedStyle(bar).fill.includes("#failed")).length,
  line: row.querySelectorAll("svg polyline").length,
  health: text(row, ".health"),
  eta: row.querySelector(".outages .eta")?.innerText ?? "",
  notes: [...row.querySelectorAll(".notes span")].map((note) => note.innerText),
  pattern: text(row, ".outages h3"),
  outages: [...row.querySelectorAll(".outages li")].map((li) => li.innerText.replace(/\\s+/g, " ").trim()),
  history: [...row.querySelectorAll(".history li")].map((li) => li.innerText.replace(/\\s+/g, " ").trim()),
  enabled: [...row.querySelectorAll("button")].filter((b) => !b.disabled).map((b) => b.innerText),
}));
"""


class Page(Browser):
    def rows(self):
        return {row["name"]: row for row in self.run(ROWS)}

    def click(self, name, action):
        """Where a person would: chromedriver refuses what is covered or out of sight."""
        self.do(f"element/{self.element(f'[data-name={name}] [data-action={action}]')}/click")

    def type(self, css, text):
        element = self.element(css)
        self.do(f"element/{element}/clear")
        self.do(f"element/{element}/value", {"text": text})

    def said(self):
        return self.run("const s = document.getElementById('said'); return [s.innerText, s.className]")

    def picture(self, name, width, scheme):
        super().picture(OUT / f"{name}.png", width, scheme)


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
    assert re.fullmatch(r"\d+ \d+ % sure", closed["health"]), closed
    assert (closed["eta"], closed["notes"], closed["outages"]) == ("", [], ["none"]), closed
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
    assert stock["health"] == "0 100 % sure" and stock["pattern"] == "last outages: single", stock
    assert re.fullmatch(r"now failure rate, [\d.]+ s, perhaps over in [\d.]+ s to [\d.]+ (s|min)", stock["outages"][0]), stock
    pictures(browser, "stock")
    search = until("search is open", lambda: (r := browser.rows()["search"])["state"] == "open" and r, 40)
    assert search["line"] == 1 and search["red"] <= 2 and int(search["slow"].split()[0]) >= 50, search
    assert "closed → open slow rate" in " ".join(search["history"]), search
    pictures(browser, "search")
    probing = until("search is half-open", lambda: (r := browser.rows()["search"])["state"] == "half-open" and r, 20)
    assert probing["retry"] == "–" and "open → half-open open elapsed" in probing["history"][0], probing
    assert re.search(r"; probes: [0-2] out, \d+ good, \d+ bad$", probing["caption"]), probing
    pictures(browser, "half-open")
    over = lambda: (r := browser.rows()["stock"])["eta"] == "" and r["outages"] != ["none"] and r
    over = until("stock's outage is over", over, 30)
    assert over["eta"] == "" and over["state"] == "closed", over
    lasted = r"[\d.]+ s ago failure rate, [\d.]+ s: \d+ rejected, \d+ of them good; \d+ wasted"
    assert len(over["outages"]) == 1 and re.fullmatch(lasted, over["outages"][0]), over
    pictures(browser, "over")
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
          insight: {{
            at: 9, health: {{ value: 7, confidence: 0.5 }}, eta: {{ p50: 2, p90: 70, guess: false }},
            degraded: {{ since: 1, normal: 0.01, rate: 0.2 }},
            trend: {{ rate: 0.2, per_second: 0.01, limit: 0.5, reaches_limit_in: 30 }},
            pattern: {{ kind: {json.dumps(name)}, period: 612 }},
            outage: {{ began: 6, ended: null, cause: null, rejected: 5, rejected_good: 0, wasted: 3 }},
            outages: [{{ began: 1, ended: 4, cause: {json.dumps(name)}, rejected: {json.dumps(name)}, rejected_good: 2, wasted: 3 }}],
          }},
          transitions: [{{ generation: 1, from: {json.dumps(name)}, to: "open", cause: {json.dumps(name)}, ago_ms: 5, counts }}],
        }}]));
      }};
    """)
    until("the strange row", lambda: name in browser.rows(), 5)
    row = browser.rows()[name]
    assert row["eta"] == "likely over in 2.0 s to 70 s" and row["health"] == "7 50 % sure", row
    assert row["notes"] == ["degraded: 20 % bad, normal 1 %", "rising: at 50 % in 30 s"], row
    assert row["pattern"] == f"last outages: {name}, each 10 min", row
    assert row["outages"][0] == "now unknown, 3.0 s, likely over in 2.0 s to 70 s", row
    assert row["outages"][1:] == [f"5.0 s ago {name.replace('_', ' ')}, 3.0 s: {name} rejected, 2 of them good; 3 wasted"], row
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
    log = browser.console()
    wrong = [line for line in log if "401 (Unauthorized)" not in line]
    assert len(log) - len(wrong) == 2 and not wrong, log
    print("the browser's console has nothing else to say")


def pictures(browser, name):
    browser.picture(f"{name}-narrow", 390, "light")
    browser.picture(f"{name}-dark", 1200, "dark")
    browser.picture(name, 1200, "light")


with opened(Page) as browser:
    check(browser)
