#!/usr/bin/env bash
# PostgreSQL under load, stopped at once and restarted: the breaker in front of it opens, rejects with the right
# Retry-After, recovers, and counts every call. The server is one of its own, on a free port, in a temporary folder.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"

# Debian does not put the server's programs on the path
server_programs() {
  local dir
  dir=$(compgen -G '/usr/lib/postgresql/*/bin' | sort --version-sort | tail -1 || true)
  [ -n "$dir" ] || dir=$(dirname "$(command -v initdb || true)")
  if [ -x "$dir/initdb" ] && [ -x "$dir/pg_ctl" ]; then
    echo "$dir"
  fi
}
programs=$(server_programs)
if [ -z "$programs" ]; then
  need_command pg_lsclusters postgresql
  programs=$(server_programs)
  [ -n "$programs" ] || die "needs initdb and pg_ctl, of the package postgresql"
fi

cargo build --package postgres_client

dir=$(mktemp --directory "${TMPDIR:-/tmp}/tripcoil-postgres.XXXXXX")
# initdb refuses root
as_server=()
if [ "$(id -u)" = 0 ]; then
  as_server=(runuser -u postgres --)
  chown postgres "$dir"
fi
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')

# program NAME ARGUMENT..: an executable in the folder that runs pg_ctl with these arguments
program() {
  {
    echo '#!/bin/sh'
    printf 'cd %q && exec' "$dir"
    printf ' %q' "${as_server[@]}" "$programs/pg_ctl" --pgdata "$dir/data" "${@:2}"
    # what the server inherits must not be the job's own output, which would then not end
    printf ' >>%q 2>&1 </dev/null\n' "$dir/$1.log"
  } >"$dir/$1"
  chmod +x "$dir/$1"
}
program stop --mode immediate stop
program start --wait --log "$dir/server.log" \
  --options "-p $port -k $dir -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=60" start

finish() {
  "$dir/stop" || true
  rm -rf "$dir"
}
trap finish EXIT

# from the folder, which the server's user can read
(cd "$dir" && "${as_server[@]}" "$programs/initdb" --pgdata "$dir/data" --username tripcoil --auth trust --no-sync \
  >"$dir/initdb.log" 2>&1) || {
  cat "$dir/initdb.log"
  die "initdb failed"
}
"$dir/start" || {
  cat "$dir/start.log" "$dir/server.log"
  die "the server does not start"
}
"$programs/postgres" --version
timeout 120 "$target/debug/postgres_client" \
  "host=127.0.0.1 port=$port user=tripcoil dbname=postgres connect_timeout=2" "$dir/stop" "$dir/start" || {
  tail -20 "$dir/server.log"
  die "it failed"
}
