#!/usr/bin/env bash
# Handles that only guard or read cannot change state or rules: programs that try do not compile, each for
# the reason that is written beside it, and the same lines compile with a controller.
#
# The reasons are in the words of the compiler that wrote them. With another one, look at what changed, and
# accept it with TRYBUILD=overwrite.
# shellcheck source=ci/lib.sh
source "$(dirname "$0")/lib.sh"

cargo test --manifest-path compile-fail/Cargo.toml --target-dir "$target/compile-fail"
