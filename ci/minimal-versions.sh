#!/usr/bin/env bash
# The crate builds, and its unit tests pass, with the lowest versions of its dependencies that Cargo.toml
# permits. Those of the other tests and packages do not count: they are taken out of a copy first.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"
need_nightly

copy=$target/minimal-versions/copy
copy_tree "$copy"
cd "$copy"
rm Cargo.lock
python3 - <<'PY'
import re

text = open("Cargo.toml").read()
sections = re.split(r"^(?=\[)", text, flags=re.M)
kept = [s for s in sections if not s.startswith(("[dev-dependencies]", "[[test]]"))]
assert len(kept) < len(sections), "nothing was taken out"
text = re.sub(r"^members = .*", "members = []", "".join(kept), flags=re.M)
# what the unit tests use; tokio, which the crate uses too, in no higher a version than that
tests = next(s for s in sections if s.startswith("[dev-dependencies]"))
used = "".join(re.findall(r"^(?:anyhow|parking_lot|proptest) = .*\n", tests, re.M))
tokio = re.search(r'^tokio = \{ version = "([^"]*)"', text, re.M)[1]
text += f'\n[dev-dependencies]\n{used}tokio = {{ version = "{tokio}", features = ["macros", "rt", "test-util"] }}\n'
open("Cargo.toml", "w").write(text)
PY

cargo +nightly update --quiet -Z direct-minimal-versions
for features in --no-default-features "" --all-features; do
  # shellcheck disable=SC2086 # none is no argument
  RUSTFLAGS="-D warnings" cargo check --locked --lib $features --target-dir "$target/minimal-versions/build"
done
cargo test --locked --lib --all-features --target-dir "$target/minimal-versions/build"
