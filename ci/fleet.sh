#!/usr/bin/env bash
# The fleet's store against a real Redis: its script beside `decide`, rights, faults, operators' words, news. Each test
# starts a server of its own, on a free port, in a temporary folder.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"
need_command redis-server redis-server
redis-server --version

# without the server the tests fail, instead of being skipped
export TRIPCOIL_NEED_REDIS=1
cargo test --package tripcoil --features fleet-redis,tracing --lib fleet
cargo test --package tripcoil --features fleet-redis,tracing --test fleet_redis
