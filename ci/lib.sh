# Sourced by every job: stands in the repository's root, with `target` where builds go.
# shellcheck shell=bash
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
target=${CARGO_TARGET_DIR:-target}
# macOS has no `realpath -m`
case $target in
/* | [A-Za-z]:*) ;;
*) target=$root/$target ;;
esac
export CARGO_TARGET_DIR=$target
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-never}

die() {
  echo "$(basename "$0"): $*" >&2
  exit 1
}

need_nightly() {
  cargo +nightly --version >/dev/null 2>&1 ||
    die "needs a nightly toolchain: rustup toolchain install nightly"
}

# need_command NAME DEBIAN_PACKAGE
need_command() {
  command -v "$1" >/dev/null && return
  echo "installing $2"
  if ! apt-get update -qq || ! DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$2" >/dev/null; then
    die "needs $1, and could not install the package $2"
  fi
}

# need_tool CRATE VERSION: puts the crate's programs on the path, built once into target/tools. Not optimized:
# they are built more slowly than they run.
need_tool() {
  local dir=$target/tools/$1-$2
  [ -e "$dir/.complete" ] || {
    # its build must not see the flags of the job
    env -u RUSTFLAGS CARGO_TARGET_DIR="$target/tools/build" CARGO_PROFILE_DEV_DEBUG=0 \
      cargo install --debug --locked --version "$2" --root "$dir" "$1"
    touch "$dir/.complete"
  }
  PATH=$dir/bin:$PATH
}

# keep_figures NAME COMMAND...: what a whole run prints is kept for ci/figures.sh, if all goes well.
keep_figures() {
  mkdir -p "$target/figures"
  rm -f "$target/figures/$1.log"
  "${@:2}" | tee "$target/figures/$1.part"
  mv "$target/figures/$1.part" "$target/figures/$1.log"
}

# copy_tree DIR: the files of the work tree that are, or could be, in the repository.
copy_tree() {
  rm -rf "$1"
  mkdir -p "$1"
  git ls-files -z --cached --others --exclude-standard |
    while IFS= read -r -d '' file; do if [ -e "$file" ]; then printf '%s\0' "$file"; fi; done |
    tar --create --null --files-from=- | tar --extract --touch --directory "$1"
}

# Debian's rustc-web, with its source and what it needs, in their newest version: unpacked under target/, not
# installed. Prints the compiler's path. For targets whose standard library rustup cannot fetch.
debian_compiler() {
  set -e # which $(...) clears
  local dir=$target/debian-compiler library llvm deb
  if [ ! -e "$dir/.complete" ]; then
    rm -rf "$dir"
    mkdir -p "$dir/debs" "$dir/root"
    apt-get update -qq >&2
    depends() { apt-cache depends "$1" | sed -n 's/^ *Depends: //p'; }
    library=$(depends rustc-web | grep '^libstd-rust-web-dev$')
    library=$(depends "$library" | grep '^libstd-rust-web-')
    llvm=$(depends "$library" | grep '^libllvm')
    (cd "$dir/debs" && apt-get download -qq rustc-web rust-web-src "$library" "$llvm" >&2)
    for deb in "$dir"/debs/*.deb; do
      dpkg -x "$deb" "$dir/root"
    done
    cat >"$dir/rustc" <<EOF
#!/bin/sh
LD_LIBRARY_PATH=$dir/root/usr/lib/$(uname -m)-linux-gnu exec $dir/root/usr/bin/rustc "\$@"
EOF
    chmod +x "$dir/rustc"
    touch "$dir/.complete"
  fi
  echo "$dir/rustc"
}

# Loom with our one-line patch, in a folder whose path is printed. See loom-tests/loom.patch.
patched_loom() {
  set -e # which $(...) clears
  local source dir=$target/loom/loom
  source=$(cargo metadata --format-version 1 | python3 -c '
import json, os, sys
found = [p for p in json.load(sys.stdin)["packages"] if p["name"] == "loom"]
if len(found) != 1 or found[0]["version"] != "0.7.3":
    sys.exit("expected exactly loom 0.7.3, found " + str([p["version"] for p in found]))
print(os.path.dirname(found[0]["manifest_path"]))')
  rm -rf "$dir"
  mkdir -p "$target/loom"
  # with its dates: an unchanged copy is not built again
  cp -a "$source" "$dir"
  patch --directory "$dir" --strip 1 --fuzz 0 --quiet <loom-tests/loom.patch
  touch --reference "$source/src/rt/atomic.rs" "$dir/src/rt/atomic.rs"
  echo "$dir"
}

# every_of N FOLDER: the names of every Nth patch there. The number of commits says which is the first.
every_of() {
  local number patch
  number=$(git rev-list --count HEAD 2>/dev/null || echo 0)
  for patch in "$2"/*.patch; do
    number=$((number + 1))
    [ $((number % $1)) != 0 ] || basename "$patch" .patch
  done
}
