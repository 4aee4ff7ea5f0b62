#!/usr/bin/env bash
# The operator's live page, in the gateway, in a headless browser, by what is rendered and clicked there: ci/page.py.
# Pictures are left in target/page.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"
need_command chromium chromium
need_command chromedriver chromium-driver

cargo build -p axum_gateway

out=$target/page
rm -rf "$out"
mkdir -p "$out"
token=$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')
# four minutes are more than the checks take, and an end if nothing ends it
GATEWAY_TOKEN=$token "$target/debug/axum_gateway" --seconds 240 >"$out/log" 2>&1 &
gateway=$!
trap 'kill "$gateway" 2>/dev/null || true' EXIT

url=
for _ in $(seq 100); do
  url=$(sed -n 's/ .*//; /\/operator$/p' "$out/log" | head -1)
  [ -z "$url" ] || break
  kill -0 "$gateway" 2>/dev/null || break
  sleep 0.1
done
[ -n "$url" ] || { cat "$out/log"; die "the gateway has not started"; }

GATEWAY_TOKEN=$token python3 -B ci/page.py "$url" "$out" || { cat "$out/log"; die "the page is not as it should be"; }
