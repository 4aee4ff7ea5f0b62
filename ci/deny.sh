#!/usr/bin/env bash
# Licences, versions and sources of all dependencies, of each package here, by ci/deny.toml.
#   ci/deny.sh [--advisories]
# Advisories are looked at where their database, a repository on github.com, can be had; where not, that
# is said, and with --advisories it is a failure.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"
need_tool cargo-deny 0.20.2

required=0
case ${1-} in
"") ;;
--advisories) required=1 ;;
*) die "knows --advisories alone, not $1" ;;
esac

logs=$target/deny
rm -rf "$logs"
mkdir -p "$logs"
config=ci/deny.toml

checks=(bans licenses sources)
unchecked=
if cargo deny --config "$config" fetch db >"$logs/fetch.log" 2>&1; then
  checks+=(advisories)
else
  unchecked="advisories and yanked versions are NOT checked: their database cannot be had ($logs/fetch.log)"
  [ $required = 0 ] || die "$unchecked"
fi

# the models' lock file is that of the patched loom
loom=$(patched_loom)
packages=(. fuzz loom-tests loom-tests/schedules compile-fail ci/no-std ci/new-user)
failed=()
for package in "${packages[@]}"; do
  name=${package//\//-}
  [ "$name" != . ] || name=root
  log=$logs/$name.log
  patch=()
  [ "$package" != loom-tests ] || patch=(--config "patch.crates-io.loom.path=\"$loom\"")
  cargo metadata --format-version 1 --locked --all-features --manifest-path "$package/Cargo.toml" \
    "${patch[@]}" >"$logs/$name.json"
  if cargo deny --workspace --metadata-path "$logs/$name.json" --config "$config" \
    check "${checks[@]}" >"$log" 2>&1; then
    echo "$package: $(tail -1 "$log")"
  else
    cat "$log"
    failed+=("$package")
  fi
done
[ -z "$unchecked" ] || echo "warning: $unchecked" >&2
[ ${#failed[@]} = 0 ] || die "refused: ${failed[*]}"

# an exception is there for some package or other, so not all may say that they have no use for it
unused=$(for graph in "$logs"/*.json; do grep -oE "$config:[0-9]+" "${graph%.json}.log" | sort -u; done |
  sort | uniq -c | awk -v all=${#packages[@]} '$1 == all { print $2 }')
[ -z "$unused" ] || die "no package needs what stands here any more: $unused"
