#!/usr/bin/env bash
# Refuses words that a native engineer would not write, in what users read: the README, docs/, the
# changelog, rustdoc, error texts, and what the examples and the lab print. Also measures how many public
# functions are documented in the third person ("Returns", "Sets", "Trips").
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"

python3 - "$@" <<'PY'
import pathlib, re, sys

# Each cause with its patterns. A space stands for any white space: sentences wrap.
COUNTED = "breaker|call|clock|counter|event|gauge|job|line|listener|loads|outcome|page|permit|requests|script|series|stores|stripe|tests|thread|word|writes"
EACH = "breaker|bucket|call|CPU|day|dependency|endpoint|epoch|event|file|generation|group|hour|host|key|kind|minute|outcome|process|room|round|second|series|state|stripe|tenant|thread|transition|upstream"
CAUSES = {
    '"tell" for report, show or return': [r"(?<![\w-])(?:tells?|told|telling)(?![\w-])"],
    '"a breaker an upstream" for "one breaker per upstream"': [
        rf"\b(?:{COUNTED})s? (?-i:an?) (?:{EACH})\b(?! of\b)",
        rf"\b(?:once|twice|ns|KiB|bytes|[0-9]) an? (?:{EACH})\b",
    ],
    '"whoever", "somebody" and "nobody" for callers and threads': [r"\b(?:who(?:m|so)?ever|somebody|nobody|everybody)\b"],
    '"none" or "no" and a noun as what something is': [
        r"(?<!there\s)\b(?:is|are|was|were|has|have|had|needs?|gives?|brings?|keeps?|makes?|takes?|finds?) none\b",
        r"(?<!there\s)\b(?:is|are|was|were) no (?!longer\b|more\b|less\b|later\b|sooner\b|further\b|better\b|worse\b|earlier\b|slower\b|faster\b)[a-z]+",
    ],
    "archaic words": [
        r"\bdear(?:er|est|ly)?\b", r"\bbesides\b", r"(?<!not\s)(?<!is\s)(?<!are\s)\byet\b", r"\bin vain\b", r"\b(?:come|comes|came|coming) round\b",
        r"\b(?:stands?|stood)\b(?!-| in for\b)", r"\b(?:lest|albeit|whence|thereof|whereof|thereby|thereupon|hitherto|withal)\b",
    ],
    "a relative clause for a noun": [
        r"^#+ What (?:an?|the|none) ", r"\b(?:what|that) (?:came|comes|come) of\b", r"\bwho comes from\b",
    ],
    '"named" for set': [r"\bnam(?:ed|ing)\b(?! after\b| _)"],
    '"to be had", "where it were"': [r"\bto be had\b", r"\b(?:where|as) (?:it|there|they) were\b", r"\bwere (?:it|there|they) (?:not|to)\b"],
}
# what each of them refuses, and what it lets pass: the check is itself checked
FOR_EXAMPLE = [
    ("told by the snapshot", "a retold story"),
    ("one breaker a host", "it calls a listener"),
    ("once a call", "once per call"),
    ("whoever finds it", "who has it"),
    ("its key is none", "there is none"),
    ("a rejection is no failure", "there is no failure"),
    ("the dearer one", "dreary"),
    ("slow besides", "beside it"),
    ("results yet", "not yet"),
    ("waits in vain", "in a vein"),
    ("a tag comes round", "a round"),
    ("it stands before", "a stand-in"),
    ("lest it wait", "at least"),
    ("## What a dropped permit is", "## A dropped permit"),
    ("what came of it", "it came"),
    ("for who comes from failsafe", "who come from"),
    ("unless named", "named after it"),
    ("not to be had", "to have"),
    ("where it were eight", "if it is"),
    ("were it not for that", "if it were"),
]
# (file, words around the match, why it may stay): keep it short
ALLOWED = [
]
# what begins a sentence with an s and is no verb in the third person
NOT_VERBS = set("always as calls-per clones durations failures its less permits results rules status this times transitions whereas".split())
WANTED = 0.95

def prose_of_markdown(text):
    """Without code, but with the comments in it; as many lines as before."""
    out, fenced = [], False
    for line in text.splitlines():
        if re.match(r"\s*(?:> ?)*```", line):
            fenced, line = not fenced, ""
        elif fenced:
            comment = re.search(r"(?:^|\s)(?://|#) (.*)", line)
            line = comment[1] if comment else ""
        out.append(line)
    text = re.sub(r"`[^`\n]*`", lambda code: "_" * len(code[0]), "\n".join(out))
    return re.sub(r"\]\([^)\n]*\)|<!--.*?-->", lambda link: re.sub(r"[^\n]", " ", link[0]), text, flags=re.S)

def without_tests(text):
    return re.split(r"^#\[cfg\((?:test|all\(test.*?)\)\]\n(?:#\[.*\]\n)*mod \w+ \{", text, maxsplit=1, flags=re.M)[0]

def rustdoc(text):
    lines = [m[1] if (m := re.match(r"\s*//[/!] ?(.*)", line)) else "" for line in text.splitlines()]
    return prose_of_markdown("\n".join(lines))

def strings(text):
    """String literals that look like sentences, each on the line where it begins."""
    text = re.sub(r"^\s*//.*$", "", text, flags=re.M)
    def keep(m):
        return m[1] if " " in m[1] else re.sub(r"[^\n]", " ", m[0])
    out, at = [], 0
    for m in re.finditer(r"""b?'(?:[^'\\\n]|\\.[^'\n]*)'|r#+"(.*?)"#+|"((?:[^"\\]|\\.)*)\"""", text, re.S):
        out.append("\n" * text.count("\n", at, m.start()))
        found = m[1] or m[2] or ""
        out.append(re.sub(r"\{[^}\n]*\}", "_", found) + " . " if " " in found else "\n" * found.count("\n"))
        at = m.end()
    return "".join(out)

def sources():
    for pattern in ("*.md", "benches/*.md", "docs/**/*.md", "examples/**/*.md", "lab/*.md"):
        for path in sorted(pathlib.Path().glob(pattern)):
            yield path, prose_of_markdown(path.read_text())
    for path in sorted(pathlib.Path("src").rglob("*.rs")):
        if "wrap_tests" in path.parts or path.name in ("tests.rs", "fuzzing.rs"):
            continue
        text = without_tests(path.read_text())
        yield path, rustdoc(text)
        yield path, strings(text)
    for path in sorted([*pathlib.Path("examples").rglob("*.rs"), *pathlib.Path("lab/src").rglob("*.rs")]):
        if "target" not in path.parts and not path.stem.endswith("tests"):
            yield path, rustdoc(path.read_text())
            yield path, strings(path.read_text())
    for path in sorted(pathlib.Path("lab/shapes").glob("*.toml")):
        yield path, path.read_text()
    for path in sorted([*pathlib.Path("src").rglob("*.html"), *pathlib.Path("examples").rglob("*.html")]):
        yield path, re.sub(r"<(script|style)\b.*?</\1>", lambda m: re.sub(r"[^\n]", "", m[0]), path.read_text(), flags=re.S)

every = [(cause, re.compile(p.replace(" ", r"\s+"), re.I | re.M)) for cause, patterns in CAUSES.items() for p in patterns]
for refused, passed in FOR_EXAMPLE:
    if not any(pattern.search(refused) for _, pattern in every) or any(pattern.search(passed) for _, pattern in every):
        sys.exit(f"words.sh does not work: {refused!r} must be refused, and {passed!r} must pass")
for cause, pattern in every:
    if not any(pattern.search(refused) for refused, _ in FOR_EXAMPLE):
        sys.exit(f"words.sh has no example for {cause}: {pattern.pattern}")

only = sys.argv[1:]
found, read, used = [], 0, set()
for path, text in sources():
    if only and not any(str(path).startswith(one) for one in only):
        continue
    text = re.sub(r"\n[ \t]+", "\n", text)
    read += len(text.split())
    for cause, pattern in every:
        for m in pattern.finditer(text):
            around = " ".join(text[max(0, m.start() - 40):m.end() + 40].split())
            excuse = next((i for i, (file, words, _) in enumerate(ALLOWED) if file == str(path) and words in around), None)
            if excuse is not None:
                used.add(excuse)
                continue
            found.append(f"{path}:{text.count(chr(10), 0, m.start()) + 1}: {cause}: ... {around} ...")

functions, others = 0, []
for path in sorted(pathlib.Path("src").rglob("*.rs")):
    if only or "wrap_tests" in path.parts or path.name in ("tests.rs", "fuzzing.rs"):
        continue
    lines = without_tests(path.read_text()).splitlines()
    for at, line in enumerate(lines):
        if not (function := re.match(r"\s*pub (?:const |async )*fn (\w+)", line)):
            continue
        first, before = "", at - 1
        while before >= 0 and re.match(r"\s*(?:///|#\[|\)\])", lines[before]):
            if doc := re.match(r"\s*/// ?(.*)", lines[before]):
                first = doc[1]
            before -= 1
        functions += 1
        verb = re.match(r"([A-Z][a-z]+(?:-[a-z]+)?s)\b", first)
        if not verb or verb[1].lower() in NOT_VERBS:
            others.append(f"{path}:{at + 1}: {function[1]}: {first}")

if only:
    print("\n".join(found))
    sys.exit(bool(found))
share = 1 - len(others) / functions
print(f"{read} words read; of {functions} public functions, {functions - len(others)} are documented in the third person ({share:.1%})")
if share < WANTED:
    found += [f"{line}   (not in the third person)" for line in others]
found += [f"allowed, and not there: {ALLOWED[i]}" for i in range(len(ALLOWED)) if i not in used]
if found:
    print("\n".join(found), file=sys.stderr)
    sys.exit(f"{len(found)} to mend")
PY
