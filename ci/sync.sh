#!/usr/bin/env bash
# What a saved state asks of the system: that it is on the disk before it is given its name, and that the
# folder is before the save returns. And what a build asks it: nothing that an earlier build has asked.
# No test of a file's content or of a breaker could tell; strace can.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"
need_command strace strace

# The program of that test.
program_of() {
  cargo test --features persist,serde --test "$1" --no-run --message-format json |
    python3 -c '
import json, sys
found = [m["executable"] for m in map(json.loads, sys.stdin)
         if m["reason"] == "compiler-artifact" and m["target"]["name"] == sys.argv[1] and m["executable"]]
print(found[-1])' "$1"
}

cargo test --features persist,serde --test saved --test alloc --no-run
trace=$(mktemp)
trap 'rm -f "$trace"' EXIT

strace --follow-forks --output "$trace" --signal=none --trace=clock_getres \
  "$(program_of alloc)" --exact the_cpus_are_counted_once >/dev/null || die "the_cpus_are_counted_once has failed"
asked=$(grep -c 'clock_getres(' "$trace") || true
[ "$asked" = 1 ] || die "a hundred builds have asked for the clock's resolution $asked times"
echo "a hundred builds ask for the clock's resolution once"

program=$(program_of saved)
for test in the_last_one_saved_is_loaded_and_nothing_is_left_beside_it \
  a_state_is_saved_while_the_runtime_goes_on; do
  strace --follow-forks --decode-fds=path --output "$trace" --signal=none --string-limit=4096 \
    --trace=fsync,fdatasync,rename,renameat,renameat2 \
    "$program" --exact "store::$test" >/dev/null || die "$test has failed"
  python3 - "$test" "$trace" <<'PY'
import os, re, sys

test, trace = sys.argv[1:]
calls, begun = [], {}
for line in open(trace):
    thread, call = line.split(maxsplit=1)
    # one that another thread's came between
    if call.rstrip().endswith("<unfinished ...>"):
        begun[thread] = call.split("<unfinished")[0]
        continue
    if call.startswith("<..."):
        call = begun.pop(thread) + call.split("resumed>", 1)[1]
    name = call.split("(")[0]
    if not call.rstrip().endswith("= 0"):
        continue
    if "sync" in name:
        calls.append((thread, "sync", re.search(r"<([^>]*)>", call)[1]))
    else:
        calls.append((thread, "rename", *re.findall(r'"([^"]*)"', call)))

saves = 0
for thread in {c[0] for c in calls}:
    own = [c[1:] for c in calls if c[0] == thread]
    for at, (what, *paths) in enumerate(own):
        if what != "rename" or not paths[1].endswith("db.state"):
            continue
        temporary, place = paths
        saves += 1
        assert own[at - 1] == ("sync", temporary), f"{test}: {temporary} was not synced before it was renamed"
        folder = os.path.dirname(place)
        assert own[at + 1 : at + 2] == [("sync", folder)], f"{test}: {folder} was not synced after the rename"
assert saves >= 3, f"{test}: {saves} saves were seen"
print(f"{test}: {saves} saves, each on the disk before it has its name")
PY
done
