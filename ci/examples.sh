#!/usr/bin/env bash
# The tests of all examples, and what each example that ends by itself prints. `outage` has a job of its own,
# and so has the lab.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"

logs=$target/examples
rm -rf "$logs"
mkdir -p "$logs"

cargo test --workspace --exclude tripcoil --exclude tripcoil-benches --exclude tripcoil-lab --no-fail-fast

# run NAME [ARGUMENT..]
run() {
  local name=$1
  shift
  echo "example $name"
  cargo run --quiet -p "$name" -- "$@" >"$logs/$name" || {
    cat "$logs/$name"
    die "$name failed"
  }
}

# told NAME PATTERN..: each, an extended regular expression, is in a line of its own, in that order
told() {
  local name=$1 line=0 at pattern
  shift
  for pattern in "$@"; do
    at=$(grep -nEm1 -- "$pattern" <(tail -n +$((line + 1)) "$logs/$name")) || {
      cat "$logs/$name"
      die "$name does not tell, after line $line: $pattern"
    }
    line=$((line + ${at%%:*}))
  done
}

run health
told health 'down +open +503 down 0 +not made' 'half-open +200 degraded' 'there +closed +200 up 100 +answered' \
  '"status":"down"'

recovered=('open -> half-open: open elapsed' 'half-open -> closed: probes succeeded'
  '^[0-9]+ answered, [1-9][0-9]* failed, [1-9][0-9]* never sent')
run reqwest_client
told reqwest_client '503 Service Unavailable' 'open +not sent, retry after' 'closed +200 OK' "${recovered[@]}"
run tonic_client
told tonic_client "Unavailable: the breaker 'health' is open" 'closed +Serving' "${recovered[@]}"

run live_config
told live_config '^a good edit' 'taken: new rules for "mail", "payments", "search"' \
  '^five mistakes' 'refused' default.failure_rate default.min_throughput default.open_for.jitter \
  breakers.payments.consecutive_failure breakers.payments.slow_rate \
  '^a syntax error' 'refused' 'line 3: not valid TOML' \
  '^another window' 'default.window .* fixed when a breaker is built' \
  '^replaced' 'taken: new rules for "search"' \
  '^deleted' 'the old rules stay' \
  '^created again' 'taken: new rules' \
  '^a new key' 'stock is open'

# an outage of the first of its dependencies begins after two seconds
run dashboard --frames 16
told dashboard '^frame 1 of 16$' '> cache +closed' '^frame 16 of 16$' 'payments +(open|half-open)' 'q quit'
told dashboard 'payments +closed > open: (failure rate|consecutive failures) \([0-9]+ of [0-9]+ failed\)'

echo "$(find "$logs" -type f | wc -l) examples ran, and told what they should"
