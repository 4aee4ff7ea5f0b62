"""A headless Chromium, by WebDriver: chromedriver speaks HTTP and JSON."""

import base64, contextlib, json, re, subprocess, sys, tempfile, urllib.error, urllib.request

ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--window-size=1200,900",
]
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


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

    def element(self, css):
        return self.do("element", {"using": "css selector", "value": css})[ELEMENT]

    def devtools(self, command, **parameters):
        return self.do("goog/cdp/execute", {"cmd": command, "params": parameters})

    def console(self):
        """What the browser reported since the last call."""
        return [entry["message"] for entry in self.do("se/log", {"type": "browser"})]

    def picture(self, file, width, scheme):
        """The whole page, which must not be wider than the screen."""
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        screen = {"width": width, "height": 3000, "deviceScaleFactor": 1, "mobile": False}
        self.devtools("Emulation.setDeviceMetricsOverride", **screen)
        page = self.run("return [document.documentElement.scrollWidth, document.body.offsetHeight]")
        assert page[0] <= width, f"{page[0]} px wide on a screen of {width}"
        self.devtools("Emulation.setDeviceMetricsOverride", **{**screen, "height": page[1]})
        made = self.devtools("Page.captureScreenshot", format="png")
        file.write_bytes(base64.b64decode(made["data"]))

    def quit(self):
        ask("DELETE", self.at)


def driver():
    """chromedriver on a port of its choice, which it reports."""
    started = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True)
    for line in started.stdout:
        if found := re.search(r"started successfully on port (\d+)", line):
            return started, int(found[1])
    sys.exit("chromedriver has not started")


@contextlib.contextmanager
def opened(kind=Browser):
    """A browser, which is closed at the end."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process, port = driver()
        try:
            browser = kind(port, profile)
            try:
                yield browser
            finally:
                browser.quit()
        finally:
            process.terminate()
            process.wait()
