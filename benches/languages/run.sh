#!/usr/bin/env bash
# Circuit breakers of other languages, beside a success of tripcoil in the same hour:
#   benches/languages/run.sh
# It is no job of CI: each language starts from its own package manager. What it needs and does not
# find it names, and goes on with the others. Nothing is installed outside of the target folder.
#   Go: Debian's packages golang-go and golang-gopkg-eapache-go-resiliency.v1-dev
#   Node: `node` and `npm`
#   Python: `python3` with `venv`
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
work=$target/languages
mkdir -p "$work"
here=$PWD/benches/languages

opossum=10.0.0
cockatiel=4.0.0
pybreaker=1.4.1
circuitbreaker=2.1.3

has() {
  local tool
  for tool in "$@"; do
    command -v "$tool" >/dev/null || {
      echo "left out: there is no $tool" >&2
      return 1
    }
  done
}

go_breaker() {
  has go dpkg-query || return 0
  local package=golang-gopkg-eapache-go-resiliency.v1-dev version
  version=$(dpkg-query -W -f '${Version}' "$package" 2>/dev/null) || {
    echo "left out: $package is not installed" >&2
    return 0
  }
  # Debian's packages of Go's sources are a GOPATH
  GO111MODULE=off GOPATH=/usr/share/gocode GOTOOLCHAIN=local \
    go build -o "$work/go-bench" "$here/bench.go"
  "$work/go-bench" "$version"
}

node_breakers() {
  has node npm || return 0
  mkdir -p "$work/node"
  cp "$here/bench.mjs" "$work/node/"
  (
    cd "$work/node"
    npm install --silent --no-audit --no-fund --prefix . "opossum@$opossum" "cockatiel@$cockatiel" >&2
    node bench.mjs
  )
}

python_breakers() {
  has python3 || return 0
  [ -d "$work/python" ] || python3 -m venv "$work/python"
  "$work/python/bin/pip" install --quiet "pybreaker==$pybreaker" "circuitbreaker==$circuitbreaker" >&2
  "$work/python/bin/python" "$here/bench.py"
}

rust_breaker() {
  cargo build --quiet --release -p tripcoil-benches --bin compare
  cargo run --quiet --release -p tripcoil-benches --bin compare -- \
    --only success/ --json "$work/compare.json" >&2
  python3 - "$work/compare.json" <<'READ'
import json, sys

report = json.load(open(sys.argv[1]))
version = report["versions"]["tripcoil"]
for figure in report["figures"]:
    if figure["workload"] == "success" and figure["side"] in ("floor", "tripcoil/call/time/coarse") and figure["best_ns"] is not None:
        name = "the floor" if figure["side"] == "floor" else f"tripcoil {version}"
        rustc = " ".join(report["machine"]["rustc"].split()[:2])
        print(name, rustc, figure["threads"], *(f"{figure[of]:.1f}" for of in ("best_ns", "median_ns")), sep="\t")
READ
}

{
  rust_breaker
  go_breaker
  node_breakers
  python_breakers
} >"$work/figures.tsv"
printf '| breaker | in | threads | best, ns per call | median |\n|---|---|--:|--:|--:|\n'
awk -F '\t' '{ printf "| %s | %s | %s | %s | %s |\n", $1, $2, $3, $4, $5 }' "$work/figures.tsv"
