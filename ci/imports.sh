#!/usr/bin/env bash
# No two files of the crate import each other, directly or in a circle.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"

python3 - <<'PY'
import pathlib, re, sys

src = pathlib.Path("src")
files = {}
for path in src.rglob("*.rs"):
    parts = path.relative_to(src).with_suffix("").parts
    files["::".join(parts) if parts != ("lib",) else ""] = path
assert len(files) > 20, "the sources are elsewhere"

def code(path):
    """Without comments, and without the tests at a file's end."""
    lines = path.read_text().split("#[cfg(test)]\nmod tests")[0].splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith("//"))

def module_of(name):
    """The file in which `crate::name` is."""
    while name and name not in files:
        name = name.rpartition("::")[0]
    return name

imports = {}
for module, path in files.items():
    if path.stem in ("lib", "tests"):
        continue
    text = code(path)
    names = set(re.findall(r"crate::((?:\w+::)*\w+)", text))
    for group in re.findall(r"crate::\{([^;]*)\};", text):
        names |= set(re.findall(r"(?:^|[{,]\s*)((?:\w+::)*\w+)", group))
    # a face names what is in its folder, and so must not be named by it
    names |= {f"{module}::{child}" for child in re.findall(r"^(?:pub(?:\(\w+\))? )?mod (\w+);", text, re.M)}
    if re.search(r"(?<!in )\bsuper::(?!super\))\w", text):
        names.add(module.rpartition("::")[0])
    imports[module] = {module_of(n) for n in names} - {module, ""}

done, path = set(), []
def visit(module):
    if module in path:
        circle = path[path.index(module):] + [module]
        sys.exit("files import each other in a circle: " + " -> ".join(str(files[m]) for m in circle))
    if module in done:
        return
    path.append(module)
    for other in sorted(imports.get(module, ())):
        visit(other)
    path.pop()
    done.add(module)

for module in imports:
    visit(module)
print(f"{len(imports)} files, {sum(map(len, imports.values()))} imports, no circle")
PY
