#!/usr/bin/env bash
# The public API with all features, as docs/public-api.txt has it. ci/public-api.sh [--accept]: with it
# the file is written anew, and the change is for the review to judge.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"
need_nightly
need_tool cargo-public-api 0.52.0

accept=0
case ${1-} in
"") ;;
--accept) accept=1 ;;
*) die "knows --accept alone, not $1" ;;
esac

list=docs/public-api.txt
out=$target/public-api
mkdir -p "$out"
api() {
  cargo +nightly public-api --all-features --target-dir "$out/build" --omit "$1" 2>"$out/log" || {
    cat "$out/log"
    die "cargo public-api failed (is the nightly of its time?)"
  }
}
api blanket-impls,auto-trait-impls,auto-derived-impls >"$out/items"
api blanket-impls >"$out/all"
# of what is derived or comes by itself, that it is there, a line each, and not what nobody asks for
grep '^impl' "$out/all" | grep -vxFf "$out/items" |
  grep -vE ' !?core::(marker::(Freeze|StructuralPartialEq|(Unsafe)?Unpin)|panic::unwind_safe::(Ref)?UnwindSafe) for ' |
  LC_ALL=C sort >"$out/impls"
for part in items impls; do [ -s "$out/$part" ] || die "the list of $part is empty"; done

compiler=$(rustc +nightly --version)
{
  echo "# Written by ci/public-api.sh --accept, with $compiler."
  echo
  cat "$out/items"
  echo
  cat "$out/impls"
} >"$out/list"

if [ $accept = 1 ]; then
  cp "$out/list" "$list"
  echo "$list: $(wc -l <"$list") lines"
  exit
fi
diff --unified --label "$list" --label "the crate" <(tail -n +2 "$list") <(tail -n +2 "$out/list") ||
  die "the public API is not that of $list ($(sed -n '1s/.*with \(.*\)\.$/\1/p' "$list"); this is $compiler).
If the change is meant: ci/public-api.sh --accept"
