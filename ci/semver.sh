#!/usr/bin/env bash
# The public API against that of the latest release: a change that breaks users needs a new version number.
# Asks the registry for the release, so it is a job of the workflow and not of .ci/run.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"

if ! answer=$(cd / && cargo info tripcoil --registry crates-io 2>&1); then
  grep -q "could not find .tripcoil. in registry" <<<"$answer" || die "the registry cannot be asked: $answer"
  echo "no release to compare with"
  exit
fi
need_tool cargo-semver-checks 0.51.0
cargo semver-checks check-release --package tripcoil --all-features
