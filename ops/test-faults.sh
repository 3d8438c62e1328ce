#!/usr/bin/env bash
# The fault suite: test-faults.sh [--only F09,F13] [--mode embedded] [--questions 50] [--seed 7] [--minutes 10]
#   [--kills 200] [--short]
# It starts servers of its own and takes them down again; what it found lies in $ASKLINE_CACHE/artifacts.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

# The executables of a caller that has them; else they are built.
programs() {
  if [[ -z ${ASKLINE_TEST_BIN:-} ]]; then
    "$ROOT/ops/build.sh" release
    export ASKLINE_TEST_BIN=$CARGO_TARGET_DIR/release/askline
  fi
  if [[ -z ${ASKLINE_TEST_FAULTS_BIN:-} ]]; then
    "$ROOT/ops/build.sh" faults
    export ASKLINE_TEST_FAULTS_BIN=$ASKLINE_CACHE/target-faults/debug/askline
  fi
}

main() {
  require_rust
  "$ROOT/ops/packages.sh"
  programs
  export ASKLINE_TEST_ARTIFACTS=${ASKLINE_TEST_ARTIFACTS:-$ASKLINE_CACHE/artifacts}
  mkdir -p "$ASKLINE_TEST_ARTIFACTS"
  cd "$ROOT"
  ASKLINE_FAULTS="$*" cargo test --locked --workspace --test suite -- --exact faults::the_fault_suite --nocapture
}

main "$@"
