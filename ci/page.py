"""Looks at the operator's page in the gateway and clicks there: ci/page.py URL FOLDER, by ci/page.sh."""

import json, os, pathlib, re, sys, time

from browser import Browser, opened

URL, OUT = sys.argv[1], pathlib.Path(sys.argv[2])
TOKEN = os.environ["GATEWAY_TOKEN"]

# what a person sees of each row
ROWS = """
const text = (row, where) => row.querySelector(where).innerText.trim();
return [...document.querySelectorAll("#breakers > *")].map((row) => ({
  name: text(row, "h2"),
  state: text(row, ".state").replace(/^\\S /, ""),
  shape: text(row, ".state")[0],
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
  enabled: [...row.querySelectorAll(".buttons > button")].filter((b) => !b.disabled).map((b) => b.innerText),
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

    def token(self, text):
        """Typed, and then the key of the end of the line."""
        self.type("#token", text + "\ue007")

    def move(self, css, click=False):
        """The pointer, to the middle of what is there; returns where."""
        x, y = self.run(f"""
            const at = document.querySelector({json.dumps(css)}).getBoundingClientRect();
            return [Math.round(at.x + at.width / 2), Math.round(at.y + at.height / 2)];
        """)
        self.point(x, y, click)
        return x, y

    def point(self, x, y, click=False):
        actions = [{"type": "pointerMove", "x": x, "y": y, "origin": "viewport", "duration": 0}]
        if click:
            actions += [{"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
        pointer = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": actions}
        self.do("actions", {"actions": [pointer]})

    def leave(self):
        """The rows."""
        self.run("document.activeElement.blur()")
        self.point(1, 1)

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
    live = lambda: browser.run("const l = document.getElementById('live'); return [l.className, l.innerText]")
    refused = ["lost", "reading is refused: the token is missing or wrong (401)"]
    until("reading is refused", lambda: live() == refused, 10)
    assert browser.rows() == {}
    browser.picture("refused", 360, "light")
    browser.token(TOKEN)

    def all_called():
        rows = browser.rows()
        return rows if len(rows) == 3 and all(row["bars"] >= 5 for row in rows.values()) else None

    rows = until("three rows with sparklines", all_called, 15)
    assert list(rows) == ["orders", "search", "stock"], list(rows)
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
        browser.token(wrong)
        browser.click("orders", "force-open")
        text, kind = until("an error is shown", lambda: (s := browser.said())[0] and s, 5)
        assert kind == "error" and "token" in text and "401" in text, (text, kind)
        assert browser.rows()["orders"]["state"] == "closed"
    print(f"refused: {text}")

    # the right one
    browser.token(TOKEN)
    browser.click("orders", "force-open")
    forced = until("forced open", lambda: (r := browser.rows()["orders"])["state"] == "forced open" and r, 5)
    assert browser.said() == ["orders: force-open, now forced open, by the token's owner", ""], browser.said()
    assert forced["colour"] != closed["colour"] and forced["enabled"] == ["Release", "Reset"], forced
    assert "closed → forced open manual" in forced["history"][0], forced
    browser.picture("forced", 1200, "light")
    until("rejections are counted", lambda: browser.rows()["orders"]["rejected"] > forced["rejected"], 5)
    browser.do("refresh")
    kept = until("the token is kept", lambda: browser.run("return document.getElementById('token').value"), 5)
    assert kept == TOKEN
    keys = browser.run("return Object.keys(sessionStorage)")
    assert keys == ["tripcoil.operate.token /operator/"], keys
    until("the rows are back", lambda: len(browser.rows()) == 3, 5)
    browser.click("orders", "release")
    until("released", lambda: browser.rows()["orders"]["state"] == "closed", 5)
    browser.click("orders", "reset")
    until("reset", lambda: "closed → closed manual" in browser.rows()["orders"]["history"][0], 5)
    print("forced open, released and reset, by clicks")

    # rules: the problems of a change, and one that is made
    rules = "[data-name=orders] textarea"
    browser.run("document.querySelector('[data-name=orders] summary').click()")
    given = json.loads(until("the rules are shown", lambda: browser.run(f"return document.querySelector('{rules}').value"), 5))
    assert given["failure_rate"] == 0.5 and given["half_open"]["of"] == 20 and "window" not in given, given
    browser.picture("rules", 360, "light")
    browser.type(rules, '{"failure_rate": 40, "slow_cal": "1s"}')
    browser.click("orders", "rules")
    text, kind = until("the problems are shown", lambda: (s := browser.said())[0] and s, 5)
    assert kind == "error" and "failure_rate is 40, but must be" in text and "did you mean slow_call?" in text, text
    browser.type(rules, '{"failure_rate": 0.6}')
    browser.click("orders", "rules")
    until("the rules are changed", lambda: browser.said()[0] == "orders: rules, now closed, by the token's owner", 5)
    print("rules refused with every problem, and changed")

    # a part of a name
    browser.type("#contains", "EAR")
    until("one row", lambda: list(browser.rows()) == ["search"], 5)
    browser.run("const c = document.getElementById('contains'); c.value = ''; c.dispatchEvent(new Event('input'))")
    until("all rows", lambda: len(browser.rows()) == 3, 5)

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
    for by in ("colour", "shape"):
        kinds = {row[by] for row in (closed, forced, stock, probing)}
        assert len(kinds) == 4, kinds
    print("stock seen open by its failures, search by its slow calls, and half-open")

    fleet(browser)

    # a name that would be markup, from a server that is not ours
    browser.leave()
    name = '<img src=x onerror="document.title=1">&amp;'
    browser.run(f"""
      window.fetch = async (url) => {{
        if (!url.startsWith("/operator/breakers?")) return new Response(JSON.stringify({{ error: {json.dumps(name)} }}), {{ status: 500 }});
        const counts = {{ calls: 3, failures: 1, slow: 0 }};
        const breaker = {{
          name: {json.dumps(name)}, switchable: true, at_seconds: 9, config: {{}},
          snapshot: {{
            state: {json.dumps(name)}, time_in_state_seconds: 0.001, retry_after_seconds: 7, failure_rate: 1 / 3, slow_rate: 0,
            window: counts, buckets: [counts], probes: {{}}, evidence: null, watch: null, admitted_share: 0,
            totals: {{ rejected: {json.dumps(name)} }},
          }},
          history: [{{ generation: 1, from: {json.dumps(name)}, to: "open", cause: {json.dumps(name)}, at_seconds: 9, counts }}],
          insight: {{
            at_seconds: 9, health: {{ value: 7, confidence: 0.5 }}, eta: {{ p50_seconds: 2, p90_seconds: 70, guess: false }},
            degraded: {{ since_seconds: 1, normal: 0.01, rate: 0.2 }},
            trend: {{ rate: 0.2, per_second: 0.01, limit: 0.5, reaches_limit_in_seconds: 30 }},
            pattern: {{ kind: {json.dumps(name)}, period_seconds: 612 }},
            outage: {{ began_seconds: 6, ended_seconds: null, cause: null, rejected: 5, rejected_good: 0, wasted: 3 }},
            outages: [{{
              began_seconds: 1, ended_seconds: 4, cause: {json.dumps(name)}, rejected: {json.dumps(name)}, rejected_good: 2, wasted: 3,
            }}],
          }},
        }};
        // two of one name, and one that lacks what features bring
        const bare = {{ ...breaker, name: "", switchable: false, insight: undefined, history: [] }};
        return new Response(JSON.stringify({{
          breakers: [breaker, breaker, bare], total: 10000, matching: 10000, switches: true, states: {{ open: 3 }},
        }}));
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
    assert len(browser.run("return [...document.querySelectorAll('#breakers > *')]")) == 3
    visible = "return [...document.querySelectorAll('.buttons, .outages')].map((part) => part.checkVisibility())"
    assert browser.run(visible) == [True] * 4 + [False] * 2 and "(no name)" in browser.rows()
    rest = browser.run("return [document.getElementById('rest').innerText, document.getElementById('states').innerText]")
    assert rest[0].startswith("3 of 10000 shown, the worst first") and "✖ open 3" in rest[1], rest
    browser.run("document.querySelector('[data-action=reset]').click()")
    until("the strange error", lambda: name in browser.said()[0], 5)
    browser.picture("strange-narrow", 360, "dark")
    made = browser.run("return [document.querySelectorAll('img').length, document.title]")
    assert made == [0, "Breakers"], made
    print("a name that would be markup is text")

    answers(browser, live)
    places(browser)
    others_rules(browser)
    strange_names(browser)
    paths = ["/operator", "/operator/", "//operator", "///a//b//", "/", ""]
    assert browser.run(f"return {json.dumps(paths)}.map(base)") == ["/operator/"] * 3 + ["/a//b/", "/", "/"]

    browser.run("sessionStorage.clear()")
    browser.do("refresh")
    until("reading is refused", lambda: live() == refused, 10)
    tokens(browser, live, refused)
    browser.token(TOKEN)
    until("the rows are back", lambda: len(browser.rows()) == 3 and live()[0] == "", 10)

    # nobody there
    browser.run("window.fetch = async () => { throw new TypeError('gone') }")
    until("the loss is shown", lambda: live()[0] == "lost" and "no answer" in live()[1], 5)

    # the refusals are what the browser itself reports of them
    log = browser.console()
    wrong = [line for line in log if "401 (Unauthorized)" not in line and "422 (Unprocessable" not in line]
    assert not wrong, log
    print("the browser's console has nothing else to say")


def tokens(browser, live, refused):
    """A token is sent once it is typed, and one that was refused is not sent again."""
    browser.run("""
      window.sent = [];
      window.really = window.fetch;
      window.fetch = (url, how) => { window.sent.push(how.headers.Authorization ?? null); return window.really(url, how); };
    """)
    sent = lambda: browser.run("return window.sent")
    time.sleep(2.5)  # polls, if there were any
    assert sent() == [], sent()
    element = browser.element("#token")
    for letter in "wrong":
        browser.do(f"element/{element}/value", {"text": letter})
        time.sleep(0.3)
    assert sent() == [], sent()
    browser.do(f"element/{element}/value", {"text": "\ue007"})
    until("the whole token", lambda: sent() == ["Bearer wrong"], 5)
    until("it is refused", lambda: live() == refused, 5)
    time.sleep(2.5)
    assert sent() == ["Bearer wrong"], sent()
    # once more, on demand
    browser.do(f"element/{element}/value", {"text": "\ue007"})
    until("again", lambda: sent() == ["Bearer wrong"] * 2, 5)
    browser.run("window.fetch = window.really")
    print("a token is sent when it is complete, and once")


# an answer of a server that is not ours, with as many breakers as `window.names` has
SERVER = """
  window.asked = [];
  window.settings = { failure_rate: 0.5, max_in_flight: 64, open_for: "1m" };
  const counts = { calls: 0, failures: 0, slow: 0 };
  const known = {
    at_seconds: 9, health: { value: 7, confidence: 0.5 }, eta: null, degraded: null, trend: null, pattern: null, outage: null,
    outages: Array(3).fill({ began_seconds: 1, ended_seconds: 4, cause: "hang", rejected: 1, rejected_good: 2, wasted: 3 }),
  };
  const breaker = (name) => ({
    name, switchable: true, at_seconds: 100, history: [], config: window.settings, insight: name === window.grown ? known : null,
    snapshot: {
      state: "open", time_in_state_seconds: 1, retry_after_seconds: null, failure_rate: 0, slow_rate: 0, window: counts,
      buckets: [counts], probes: {}, evidence: null, watch: null, in_flight: null, admitted_share: 0, totals: { rejected: 0 },
    },
  });
  window.fetch = async (url, how) => {
    if (how.method) {
      window.asked.push([new URL(url, location).search, how.body]);
      const config = { ...window.settings, ...JSON.parse(how.body) };
      return new Response(JSON.stringify({ changed: true, state: "open", who: "x\u202e", config }));
    }
    return new Response(JSON.stringify({
      breakers: window.names.map(breaker), total: 10000, matching: 10000, switches: true, states: { open: window.names.length },
    }));
  };
"""


def answers(browser, live):
    """What is wrong is shown as it was answered."""
    answer = lambda status, body: browser.run(
        f"window.fetch = async () => new Response({json.dumps(body)}, {{ status: {status} }});")
    for status, body, expected in [
        (429, '{"error": "too many"}', "too many (429)"),
        (503, "<html>", "status 503"),
        (400, '{"error": "x\u202ey"}', r"x\u{202e}y (400)"),
        (200, "<html>", "the answer is no JSON"),
    ]:
        answer(status, body)
        until(f"{status}: {live()}", lambda: live()[0] == "lost" and live()[1].startswith(expected + "; last answer at "), 5)
    browser.run("window.fetch = async () => { throw new TypeError('gone') }")
    until("the loss is shown", lambda: live()[1].startswith("no answer; last answer at "), 5)
    # a redirect, as a proxy has to its login
    browser.run("""
      window.calls = 0;
      window.fetch = async (url, how) => {
        window.calls += 1;
        return how.redirect === "manual" ? { type: "opaqueredirect", ok: false, status: 0 } : new Response("{}");
      };
    """)
    until("the login", lambda: "reading is refused: sign in first" in live()[1], 5)
    time.sleep(2.5)
    assert browser.run("return window.calls") == 1
    browser.run("refused = false")
    print("each wrong answer is shown as what it is")


def places(browser):
    """A row that is under the pointer stays there, and a click is its own."""
    screen = {"width": 1200, "height": 1300, "deviceScaleFactor": 1, "mobile": False}
    browser.devtools("Emulation.setDeviceMetricsOverride", **screen)
    names = [f"h{n:02}" for n in range(25)]
    lists = lambda names: browser.run(f"window.names = {json.dumps(names)}")
    shown = lambda: browser.run("return [...document.querySelectorAll('#breakers > *')].map((row) => row.dataset.name)")
    gone = lambda: browser.run("return [...document.querySelectorAll('#breakers > .gone')].map((row) => row.dataset.name)")
    lists(names)
    browser.run(SERVER)
    height = lambda: browser.run("return document.querySelector('[data-name=h00]').offsetHeight")
    for nth, scrolled in [(5, True), (2, False)]:
        browser.leave()
        browser.run("window.grown = null")
        lists(names)
        until("the rows", lambda: shown() == names and gone() == [], 5)
        row = f"[data-name=h{nth:02}]"
        browser.run(f"""
          scrollTo(0, 0);
          if ({json.dumps(scrolled)}) document.querySelector("{row}").scrollIntoView({{ block: "center" }});
        """)
        x, y = browser.move(f"{row} [data-action=force-open]")
        under = lambda: browser.run(f"const e = document.elementFromPoint({x}, {y}); return [e.closest('.breaker')?.dataset.name, e.dataset.action]")
        assert under() == [row[-4:-1], "force-open"], under()
        # rows before it leave, others come, one that stays becomes higher, and something is said above
        before = height()
        later = ["n0", "n1", "n2", "h00", *names[nth:], "n3"]
        lists(later)
        browser.run("window.grown = 'h00'; say('a name', 'a long answer '.repeat(40), true)")
        until("rows have left", lambda: gone() == names[1:nth], 5)
        until("one has grown", lambda: height() > before, 5)
        assert under() == [row[-4:-1], "force-open"], under()
        browser.run("window.asked = []")
        browser.point(x, y, click=True)
        asked = until("the click", lambda: browser.run("return window.asked"), 5)
        assert [search for search, _ in asked] == [f"?name={row[-4:-1]}"], asked
        # once the rows are left, those that are gone go
        browser.leave()
        until("the rows", lambda: shown() == later and gone() == [], 5)
    # a row in use is not kept as high as it was on a narrow screen
    browser.run("document.querySelector('[data-name=n0] button').focus()")
    heights = []
    for width in (360, 1200):
        browser.devtools("Emulation.setDeviceMetricsOverride", **{**screen, "width": width})
        time.sleep(1.5)
        heights.append(browser.run("return document.querySelector('[data-name=n0]').offsetHeight"))
    assert heights[0] > heights[1] + 100, heights
    browser.leave()
    print("what is under the pointer stays there")


def others_rules(browser):
    """Only what was typed is changed, whatever others have changed meanwhile."""
    browser.run("window.names = ['orders']")
    until("one row", lambda: list(browser.rows()) == ["orders"], 5)
    field = "document.querySelector('textarea')"
    value = lambda: browser.run(f"return {field}.value && JSON.parse({field}.value)")
    fold = lambda is_open: browser.run(f"document.querySelector('details').open = {json.dumps(is_open)}")
    click = lambda: browser.run("document.querySelector('[data-action=rules]').click()")
    fold(True)
    before = until("the rules", value, 5)
    assert before == {"failure_rate": 0.5, "max_in_flight": 64, "open_for": "1m"}, before
    browser.run("window.asked = []")
    click()
    until("nothing to change", lambda: "no setting differs" in browser.said()[0], 5)
    assert browser.run("return window.asked") == []
    # another has changed a rule, while this one was typed
    browser.run(f"{field}.value = {field}.value.replace('64', '32'); window.settings = {{ ...window.settings, failure_rate: 0.9 }}")
    fold(False)
    time.sleep(1.5)
    fold(True)
    time.sleep(0.3)
    assert value() == {**before, "max_in_flight": 32}, value()
    click()
    asked = until("the change", lambda: browser.run("return window.asked"), 5)
    assert [json.loads(body) for _, body in asked] == [{"max_in_flight": 32}], asked
    # nothing was typed: what is shown is what is in force
    until("filled in anew", lambda: value() == {**before, "failure_rate": 0.9, "max_in_flight": 32}, 5)
    fold(False)
    browser.run("window.settings = { failure_rate: 0.7 }")
    time.sleep(1.5)
    fold(True)
    until("filled in anew", lambda: value() == {"failure_rate": 0.7}, 5)
    # what is no JSON goes as it is, for the answer to say so
    assert browser.run(f"{field}.value = '{{'; return typed({field})") == "{"
    browser.run("document.activeElement.blur()")
    print("a change of rules has what was typed")


def fleet(browser):
    """Words to all instances, which are one here."""
    words = lambda: browser.run("return [...document.querySelectorAll('#fleet li')].map((li) => li.innerText.trim())")
    press = lambda word: browser.do(f"element/{browser.element(f'#word [data-word={word}]')}/click")
    assert words() == ["no word is in force"], words()
    press("disable")
    assert browser.said() == ["all instances: which breaker? * is every one", "error"], browser.said()
    browser.type("#whom", "orders")
    browser.type("#held", "soon")
    press("disable")
    until("the refusal", lambda: "for must be a duration" in browser.said()[0], 5)
    browser.type("#held", "10m")
    browser.type("#why", "change <b>4711</b>")
    press("disable")
    until("the word is said", lambda: browser.said() == ["all instances, orders: disable is said, by the token's owner", ""], 5)
    until("it is obeyed", lambda: browser.rows()["orders"]["state"] == "disabled", 5)
    until("it is listed", lambda: re.fullmatch(
        r"orders disable \d+ (s|min) left, by the token's owner, change <b>4711</b>", (words() or [""])[0]), 5)
    browser.picture("fleet", 1200, "light")
    browser.picture("fleet-narrow", 360, "dark")
    press("release")
    until("it is released", lambda: browser.rows()["orders"]["state"] == "closed", 5)
    print("a word to the fleet is said, obeyed, listed and released")


def strange_names(browser):
    """Names that cannot be seen can be told apart, and have no hold on what is beside them."""
    names = ["pay\u202etset", "\u200b", "   ", "a  b ", "\u3164", "\u00a0", "a\nb", "caf\u00e9 \u05d0", "\U0001f980"]
    expected = [r"pay\u{202e}tset", r"\u{200b}", r"\u{20}\u{20}\u{20}", r"a\u{20} b\u{20}", r"\u{3164}", r"\u{a0}", r"a\u{a}b",
                "caf\u00e9 \u05d0", "\U0001f980"]
    browser.run(f"window.names = {json.dumps(names)}")
    read = lambda: browser.run("return [...document.querySelectorAll('#breakers h2')].map((h) => h.textContent)")
    until(f"the names, not {read()}", lambda: read() == expected, 5)
    heights = browser.run("return [...document.querySelectorAll('#breakers h2')].map((h) => h.offsetHeight)")
    assert min(heights) > 15, heights
    browser.run("document.querySelector('[data-action=reset]').click()")
    until("it is said", lambda: browser.said()[0] == r"pay\u{202e}tset: reset, now open, by x\u{202e}", 5)
    assert browser.run("return document.querySelector('#said bdi').textContent") == expected[0]
    browser.picture("names", 1200, "light")
    print("names that cannot be seen are written out")


def pictures(browser, name):
    browser.leave()
    browser.run("document.getElementById('said').replaceChildren()")
    browser.picture(f"{name}-narrow", 360, "light")
    browser.picture(f"{name}-dark", 1200, "dark")
    browser.picture(name, 1200, "light")


with opened(Page) as browser:
    check(browser)
