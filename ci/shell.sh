#!/usr/bin/env bash
# The scripts themselves.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"
need_command shellcheck shellcheck

shellcheck --external-sources ci/*.sh .ci/run
