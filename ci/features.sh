#!/usr/bin/env bash
# Each feature builds by itself, and each two of those that meet in the code, with nothing switched on by a dev-dependency:
# ci/features.sh [--full]. Without the option every third pair is built, from another one on after each commit.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"
need_tool cargo-hack 0.6.46

check() {
  RUSTFLAGS="-D warnings" cargo hack check --lib --target-dir "$target/features" "$@"
}
check --each-feature
# these few meet a few others alone
pairs=(--feature-powerset --depth 2 --exclude-features "calls,fleet-redis,grpc,retry,testing")
if [ "${1:-}" != --full ]; then
  number=$(git rev-list --count HEAD 2>/dev/null || echo 0)
  pairs+=(--partition "$((number % 3 + 1))/3")
fi
check "${pairs[@]}"
for meeting in calls,http testing,tokio testing,tower testing,tokio,tower retry,calls fleet-redis,tracing; do
  check --no-default-features --features "$meeting"
done
