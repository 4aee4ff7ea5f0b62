"""The figures of docs/internals/proof.md, held against what the scripts print: ci/figures.sh.

In the text a figure stands between two comments, `<!--=step.stops-->283,993<!--/-->`; the tables of models
are taken as they stand. With --write the page gets what was printed.
"""

import pathlib
import re
import sys

PAGE = pathlib.Path("docs/internals/proof.md")
LOGS = pathlib.Path(sys.argv[1])
WRITE = "--write" in sys.argv[2:]


def log(name):
    path = LOGS / f"{name}.log"
    return path.read_text() if path.exists() else None


def number(text):
    return int(text.replace(",", "").replace("_", ""))


def step():
    """What each of its tests prints: (name, pattern)."""
    lines = [
        ("step.stops", r"(\d+) stopping points, (\d+) of them exactly"),
        ("step.pairs", r"(\d+) pairs of stopping points, (\d+) of them exactly"),
        ("step.twice", r"(\d+) calls stopped twice, (\d+) of them exactly"),
    ]
    printed = log("step")
    for name, pattern in lines:
        found = re.findall(pattern, printed)
        if len(found) != 1:
            sys.exit(f"figures: ci/step.sh does not print {name}, or more than once")
        yield name, int(found[0][0])
        yield f"{name}.exact", int(found[0][1])


def models(name):
    """What a run of the models printed: {model: executions}."""
    printed = log(name)
    if printed is None:
        return {}
    found = re.findall(r"^(?:test .*\.\.\. )?(\w+): bound \w+, (\d+) executions", printed, re.M)
    return {model: int(executions) for model, executions in found}


def sources():
    """The models as they are written: {file: [(model, bound)]}."""
    every = {}
    for path in sorted(pathlib.Path("loom-tests/tests").glob("*.rs")):
        if path.stem == "canary":
            continue
        text = path.read_text()
        tests = re.findall(r"^#\[test\]\nfn (\w+)\(", text, re.M)
        bounds = dict(re.findall(r'"(\w+)"(?:,|;\s*explore\(name,)\s*Some\((\d+)\)', text))
        every[path.stem] = [(model, bounds.get(model, "none")) for model in tests]
    return every


def kills():
    """The mutants, by the models that are to find them."""
    by_model = {}
    for path in sorted(pathlib.Path("loom-tests/mutants").glob("*.patch")):
        for line in re.findall(r"^# kills: (.*)$", path.read_text(), re.M):
            for model in re.split(r"[,\s]+", line.strip()):
                by_model.setdefault(model, []).append(path.stem)
    return by_model


def counted():
    """Figures that are in the scripts and the sources themselves."""
    tests = [p.read_text() for p in pathlib.Path("tests/semantics").glob("*.rs")]
    yield "semantics.statements", sum(t.count("#[test]") + t.count("#[tokio::test") for t in tests)
    yield "mutants", len(list(pathlib.Path("loom-tests/mutants").glob("*.patch")))
    histories = pathlib.Path("ci/histories.sh").read_text()
    quick, full = re.findall(r"^\s*histories=(\d+)$", histories, re.M)
    # by each of three clocks, and under each of four adaptive rules
    yield "histories", 7 * int(quick)
    yield "histories.full", 7 * int(full)
    fuzz = pathlib.Path("ci/fuzz.sh").read_text()
    for target, runs in re.findall(r"\[(\w+)\]=(\d+)", fuzz):
        yield f"fuzz.{target}", int(runs)


def figures():
    found = dict(counted())
    found.update(step())
    quick = models("loom")
    found["loom.models"] = len(quick)
    found["loom.executions"] = sum(quick.values())
    if full := models("loom-full"):
        found["loom.full.executions"] = sum(full.values())
    if stale := models("loom-stale"):
        found["loom.stale.models"] = len(stale)
        found["loom.stale.executions"] = sum(stale.values())
    return found


wrong = []


def in_the_text(page, found):
    seen = set()

    def replaced(match):
        name, stands = match.groups()
        seen.add(name)
        if name in found and number(stands) != found[name]:
            wrong.append(f"{name} is {found[name]:,}, and {stands} on the page")
            return f"<!--={name}-->{found[name]:,}<!--/-->"
        return match.group(0)

    page = re.sub(r"<!--=([\w.]+)-->([\d,]+)<!--/-->", replaced, page)
    wrong.extend(f"{name} is not on the page" for name in found if name not in seen)
    return page


def rows(file, stand, quick, full, by_model):
    """The rows of one file's models; those that stand already stay where they are."""
    order = {row[0]: at for at, row in enumerate(stand)}
    before = {row[0]: row for row in stand}
    written = sorted(sources()[file], key=lambda model: order.get(model[0], len(order)))
    for model, bound in written:
        own = before[model][3] if model in before else ""
        if bound == "2":
            own = ""
        elif model in full:
            own = f"{full[model]:,}"
        killed = ", ".join(by_model.get(model, []))
        two = f"{quick[model]:,}" if model in quick else "?"
        yield [model, bound, two, own, killed]


def in_the_tables(page):
    quick, full, by_model = models("loom"), models("loom-full"), kills()
    ran = {model for every in sources().values() for model, _ in every}
    wrong.extend(f"the model {model} was not run" for model in sorted(ran - set(quick)))
    listed = set()

    def replaced(match):
        head, file, table = match.groups()
        if file == "canary":
            return match.group(0)
        listed.add(file)
        stand = [[c.strip() for c in line.strip("|").split("|")] for line in table.splitlines()]
        if file not in sources():
            wrong.append(f"there is no {file} among the models")
            return match.group(0)
        new = list(rows(file, stand, quick, full, by_model))
        for row in new:
            if row not in stand:
                wrong.append(f"{file}: {row}")
        for row in stand:
            if row[0] not in [r[0] for r in new]:
                wrong.append(f"{file}: {row[0]} is no model any more")
        return head + "".join("| " + " | ".join(row) + " |\n" for row in new)

    section = r"(### `(\w+)`[^\n]*\n(?:(?!###)[^|][^\n]*\n|\n)*\|[^\n]*\n\|[-|]*\n)((?:\|[^\n]*\n)*)"
    page = re.sub(section, replaced, page)
    wrong.extend(f"no section for the models of {file}" for file in sorted(set(sources()) - listed))
    return page


before = PAGE.read_text()
after = in_the_tables(in_the_text(before, figures()))
if not wrong:
    print("the figures of the page are what the scripts print")
elif WRITE:
    PAGE.write_text(after)
    print(*wrong, sep="\n")
    print(f"figures: {len(wrong)} written to {PAGE}; what is not on the page, or has no section, is by hand")
else:
    print(*wrong, sep="\n")
    sys.exit(f"figures: {len(wrong)} of {PAGE} are not what is printed; ci/figures.sh --write writes them")
