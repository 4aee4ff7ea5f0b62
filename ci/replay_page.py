"""Looks at a replay's page, light, dark and narrow: ci/replay_page.py PAGE JSON FOLDER, by ci/replay.sh."""

import json, pathlib, sys

from browser import opened

PAGE, OUT = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[3])
REPORT = json.loads(pathlib.Path(sys.argv[2]).read_text())

# what a person sees
SEEN = """
const box = (e) => e.getBoundingClientRect();
const paths = [...document.querySelectorAll("svg.chart path")];
return {
  title: document.title,
  text: document.body.innerText,
  charts: document.querySelectorAll("svg.chart").length,
  empty: paths.filter((path) => box(path).width < 100 || box(path).height < 1).length,
  layers: [...new Set(paths.map((path) => getComputedStyle(path).fill))].length,
  striped: ["failed", "good"].filter((kind) => paths.some((path) =>
    path.classList.contains(kind) && getComputedStyle(path).fill.includes("#" + kind))),
  titles: [...document.querySelectorAll("svg title")].map((t) => t.textContent),
  labels: [...document.querySelectorAll("svg.chart text")].map((t) => t.textContent),
  overlapping: (() => {
    const shown = [...document.querySelectorAll("svg.chart text[text-anchor]:not(.on)")].filter((t) => box(t).width > 0);
    return shown.filter((t, at) => at > 0 && box(t).top === box(shown[at - 1]).top && box(t).left < box(shown[at - 1]).right).length;
  })(),
  ground: getComputedStyle(document.body).backgroundColor,
  made: document.querySelectorAll("script, img, iframe, link[rel=stylesheet]").length,
};
"""

with opened() as browser:
    browser.do("url", {"url": PAGE.as_uri()})
    grounds = {}
    for name, width, scheme in (("light", 1280, "light"), ("dark", 1280, "dark"), ("narrow", 360, "light")):
        browser.picture(OUT / f"{name}.png", width, scheme)
        seen = browser.run(SEEN)
        configurations = REPORT["configurations"]
        assert seen["charts"] == len(configurations), seen["charts"]
        assert seen["empty"] == 0 and seen["layers"] >= 3, (seen["empty"], seen["layers"])
        assert seen["striped"] == ["failed", "good"], seen["striped"]
        assert seen["overlapping"] == 0, (name, seen["overlapping"])
        assert any("calls" in title and "spared" in title for title in seen["titles"]), seen["titles"][:3]
        assert "closed" in seen["labels"] and any("calls per" in label for label in seen["labels"]), seen["labels"]
        for of in configurations:
            assert of["name"] in seen["text"] and f"{of['openings']}" in seen["text"], of["name"]
        for key in {key["key"] for of in configurations for key in of["worst_keys"]}:
            assert key in seen["text"], key
        assert REPORT["caveat"] in seen["text"]
        assert seen["made"] == 0, "the page made an element that it should not have"
        grounds[name] = seen["ground"]
    assert grounds["light"] == grounds["narrow"] != grounds["dark"], grounds
    log = browser.console()
    assert not log, log
    print(f"{len(configurations)} charts with {len(seen['titles'])} titles: light, dark and narrow, and nothing in the console")
