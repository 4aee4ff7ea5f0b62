#!/usr/bin/env bash
# The order of the house: a folder of src/ names none that comes later, no two files import each other in a
# circle, and none do by the methods of a type whose `impl` blocks lie in several files.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"

python3 - <<'PY'
import collections, pathlib, re, sys

ORDER = "sync words error classify clock config engine saved handles integrations".split()
# they look at all of it, and nothing looks at them
APART = {"lib", "fuzzing", "wrap_tests"}

src = pathlib.Path("src")
files = {}
for path in src.rglob("*.rs"):
    parts = path.relative_to(src).with_suffix("").parts
    files["::".join(parts[:-1] if parts[-1] == "mod" else parts)] = path
assert len(files) > 20, "the sources are elsewhere"
rooms = {module.partition("::")[0] for module in files} - APART
assert rooms == set(ORDER), f"src/ has {sorted(rooms)}, and the order is of {sorted(ORDER)}"

def code(path):
    """Without comments, and without the tests at a file's end."""
    lines = path.read_text().split("#[cfg(test)]\nmod tests")[0].split("#[cfg(all(test, feature = \"std\"))]\nmod tests")[0]
    return "\n".join(line for line in lines.splitlines() if not line.lstrip().startswith("//"))

texts = {module: code(path) for module, path in files.items()}

def module_of(name):
    """The file in which `crate::name` is; of a name at the root, where that comes from."""
    first = name.partition("::")[0]
    two = "::".join(name.split("::")[:2])
    if two in in_lib:
        name = in_lib[two] + name[len(two):]
    elif first in at_root:
        name = at_root[first] + name[len(first):]
    while name and name not in files:
        name = name.rpartition("::")[0]
    return name

at_root, in_lib = {}, {}
# what a module that is written in lib.rs gives out
for outer, body in re.findall(r"^pub mod (\w+) \{(.*?)^\}", texts["lib"], re.M | re.S):
    for place, group, name in re.findall(r"pub use crate::([\w:]+)::(?:\{([^}]*)\}|(\w+));", body):
        for exported in re.findall(r"\w+", group or name):
            in_lib[f"{outer}::{exported}"] = f"{place}::{exported}"
for place, group, name in re.findall(r"pub use self::([\w:]+)::(?:\{([^}]*)\}|(\w+));", texts["lib"]):
    for exported in re.findall(r"\w+", group or name):
        if exported not in files:
            at_root[exported] = f"{place}::{exported}"

def names_in(text):
    """What stands behind `crate::`, that in braces too."""
    names = set(re.findall(r"crate::((?:\w+::)*\w+)", text))
    for group in re.findall(r"crate::((?:\w+::)*)\{([^;]*)\};", text):
        names |= {group[0] + name for name in re.findall(r"(?:^|[{,]\s*)((?:\w+::)*\w+)", group[1])}
    return names

imports = collections.defaultdict(set)
for module, text in texts.items():
    if module.partition("::")[0] in APART or module.endswith("tests"):
        continue
    names = names_in(text)
    # a face names what is in its folder, and so must not be named by it
    names |= {f"{module}::{child}" for child in re.findall(r"^(?:pub(?:\(\w+\))? )?mod (\w+);", text, re.M)}
    # within a module of its own, `super` is the file itself
    if not re.search(r"^\s*(?:pub\S* )?mod \w+ \{", text, re.M):
        names |= {f"{module.rpartition('::')[0]}::{name}" for name in re.findall(r"(?<!in )\bsuper::(\{|\w+)", text)}
    imports[module] = {module_of(name) for name in names} - {module, ""}

# `self.method(..)` where the method is in another file's `impl` of the same type
defined, called = collections.defaultdict(set), []
for module in imports:
    for kind, body in re.findall(r"^impl(?:<[^{]*?>)?\s+(?:[^{]*?\bfor\s+)?([A-Z]\w*)[^{]*\{(.*?)^\}", texts[module], re.M | re.S):
        for method in re.findall(r"\bfn (\w+)", body):
            defined[kind, method].add(module)
        called += [(module, kind, method) for method in re.findall(r"\b(?:self\s*\.\s*|Self::)(\w+)\(", body)]
visits = 0
for module, kind, method in called:
    homes = defined[kind, method]
    if homes and module not in homes:
        visits += 1
        imports[module] |= homes

# what is built upon the crate is built upon what it makes public, but for the models' seam,
# caught panics, what classifiers share, and the bound that a registry's breakers share
SEAM = ("sync", "error::caught", "classify::classifier", "engine::bound")
inside = "|".join(ORDER[:-1])
# the names that a public folder's face gives out
given = {
    f"{room}::{name}"
    for room in re.findall(r"^pub mod (\w+);", texts["lib"], re.M)
    for group, name in re.findall(r"^pub use [\w:]+::(?:\{([^}]*)\}|(\w+));", texts[room], re.M)
    for name in re.findall(r"\w+", group or name)
}
wrong = [
    f"{files[module]} names crate::{name}, and not what lib.rs makes public"
    for module in imports
    if module.startswith("integrations")
    for name in sorted(names_in(texts[module]))
    if re.match(rf"(?:{inside})::", name)
    if not name.startswith(SEAM) and "::".join(name.split("::")[:2]) not in given
]
wrong += [
    f"{files[module]} is before {files[other]} in the order, and names it"
    for module in imports
    for other in imports[module]
    if (a := module.partition("::")[0]) != (b := other.partition("::")[0])
    and ORDER.index(a) < ORDER.index(b)
]
if wrong:
    sys.exit("\n".join(sorted(wrong)))

done, path = set(), []
def visit(module):
    if module in path:
        circle = path[path.index(module):] + [module]
        sys.exit("files lead to each other in a circle: " + " -> ".join(str(files[m]) for m in circle))
    if module in done:
        return
    path.append(module)
    for other in sorted(imports.get(module, ())):
        visit(other)
    path.pop()
    done.add(module)

for module in list(imports):
    visit(module)
print(f"{len(imports)} files, {sum(map(len, imports.values()))} imports and {visits} calls across them: in order, no circle")
PY
