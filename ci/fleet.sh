#!/usr/bin/env bash
# The fleet's store against a real Redis: its script beside `decide`, rights, faults, operators' words, news. Each test
# starts a server of its own, on a free port, in a temporary folder. Then two outages for processes alone and in a
# fleet, which must help; and an operator's words from the command line to running processes.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"
need_command redis-server redis-server
need_command redis-cli redis-tools
redis-server --version

# without the server the tests fail, instead of being skipped
export TRIPCOIL_NEED_REDIS=1
cargo test --package tripcoil --features fleet-redis,tracing --lib fleet
cargo test --package tripcoil --features fleet-redis,tracing --test fleet_redis

cargo build --package fleet
fleet=$target/debug/fleet
"$fleet" show --quick --to "$target/fleet/quick"

dir=$(mktemp --directory "${TMPDIR:-/tmp}/tripcoil-fleet.XXXXXX")
pids=()
finish() {
  kill "${pids[@]}" 2>/dev/null || true
  wait "${pids[@]}" 2>/dev/null || true
  rm -rf "$dir"
}
trap finish EXIT

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
redis-server --port "$port" --bind 127.0.0.1 --save "" --appendonly no --dir "$dir" >"$dir/redis.log" 2>&1 &
pids+=($!)
redis=(redis-cli -h 127.0.0.1 -p "$port")
log=$dir/run.log

# within COMMAND..: waits until it succeeds
within() {
  local tries=0
  until "$@"; do
    tries=$((tries + 1))
    [ "$tries" -lt 600 ] || {
      cat "$log" "$dir/redis.log" >&2
      die "not within a minute: $*"
    }
    sleep 0.1
  done
}
answers() { "${redis[@]}" ping >"$dir/ping.log" 2>&1; }
within answers

pods=6
REDIS_URL=redis://127.0.0.1:$port
export REDIS_URL
"$fleet" run --pods "$pods" >"$log" 2>&1 &
pids+=($!)

# reported PATTERN N: so many processes, or more, have a line like that
reported() {
  [ "$(sed -nE "s/.* (pod-[0-9]+) $1.*/\1/p" "$log" | sort -u | wc -l)" -ge "$2" ]
}
# times POD PATTERN N: that process has as many lines like that
times() { [ "$(grep -cE " $1 $2" "$log")" -ge "$3" ]; }
within reported started "$pods"

# refused CODE ARGUMENT..: it exits with the code
refused() {
  local code=0
  "$fleet" "${@:2}" >"$dir/out.log" 2>&1 || code=$?
  [ "$code" = "$1" ] || {
    cat "$dir/out.log"
    die "fleet ${*:2}: exit code $code, not $1"
  }
}

# a word reaches every process, holds for one that is started again, and ends by itself
"$fleet" force-open orders --for 20s --who ci --why "a change" | tee "$dir/said.log"
grep -q 'orders .*force-open .*by ci: a change' "$dir/said.log" || die "it does not print what holds"
within reported '.* -> forced open' "$pods"
process=$(sed -nE 's/.* pod-2 started, process ([0-9]+)$/\1/p' "$log" | tail -1)
kill -9 "$process"
within times pod-2 started 2
within times pod-2 '.* -> forced open' 2
"$fleet" list | grep -q force-open || die "the word did not hold for long enough to show that it survives a restart"
within reported 'forced open -> closed' "$pods"
"$fleet" list | grep -q force-open && die "the word has not ended"

# one for all breakers goes after one for this breaker, and ends when it is released
"$fleet" disable '*' --who ci
within reported '.* -> disabled' "$pods"
"$fleet" observe-only orders --who ci
within reported '.* -> observe-only' "$pods"
"$fleet" release orders --who ci
"$fleet" release '*' --who ci
ended() { reported '.* -> closed' "$pods" && [ "$(grep -cE -- '(disabled|observe-only) -> closed' "$log")" -ge "$pods" ]; }
within ended

# what cannot be done is said, with its exit code
refused 2 force-open orders --for soon
refused 2 close orders
refused 2 list --redis nonsense
refused 3 list --redis redis://127.0.0.1:1
# a user of processes may not say words
"${redis[@]}" acl setuser pod on '>secret' '~tc1:*' '&tc1:*' +@all -hset -eval -evalsha -script -fcall >/dev/null
refused 4 disable orders --redis "redis://pod:secret@127.0.0.1:$port"
grep -q secret "$dir/out.log" && die "it prints a password"
refused 4 list --redis "redis://pod:wrong@127.0.0.1:$port"
echo "words reach all $pods processes, and end"
