#!/usr/bin/env bash
# Processes of this release beside processes of an earlier one: test-skew.sh [COMMIT]. Without a commit the earlier
# release is the one before the last change of a contract.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

SKEW=$ASKLINE_CACHE/skew

usage() {
  sed -n '2,3s/^# //p' "$0"
}

# The commit before the last that changed what crosses a process boundary.
before_the_last_change() {
  local last
  last=$(git rev-list -n 1 --first-parent HEAD -- crates/contracts/src)
  [[ -n $last ]] || die "the history does not hold the last change of crates/contracts" \
    "fetch the whole history (git fetch --unshallow), or name a commit: make test-skew ARGS=COMMIT"
  git rev-parse --verify --quiet "$last^" || die "nothing came before $last" "name a commit: make test-skew ARGS=COMMIT"
}

# sources COMMIT: as they were, beside the checkout.
sources() {
  stamped "$SKEW/.commit" "$1" && return
  rm -rf "$SKEW/source"
  mkdir -p "$SKEW/source"
  git archive "$1" | tar -x -m -C "$SKEW/source"
  printf '%s' "$1" >"$SKEW/.commit"
}

# build MANIFEST TEST...: tests, and the executable: a test of the crate cli brings it along, with the features of the
# whole workspace, so that what make test has compiled serves here too.
build() {
  local manifest=$1 test
  local -a tests=()
  shift
  for test in eval_replay "$@"; do tests+=(--test "$test"); done
  cargo test --locked --workspace --no-run --manifest-path "$manifest" "${tests[@]}"
}

build_earlier() {
  sources "$1"
  seed_target "$SKEW/target"
  say "building askline as of ${1:0:12} into $SKEW/target (the first time takes some minutes)"
  CARGO_TARGET_DIR=$SKEW/target build "$SKEW/source/Cargo.toml" ||
    die "the earlier executable could not be built" "look at the compiler's messages above, or name another commit"
}

build_this() {
  say "building askline as of this checkout into $CARGO_TARGET_DIR"
  build "$ROOT/Cargo.toml" suite || die "askline could not be built" "look at the compiler's messages above"
}

# Each case prints its own line; together they say whether a rollout is safe.
side_by_side() {
  local log=$ASKLINE_CACHE/logs/skew.log
  mkdir -p "${log%/*}"
  cargo test --locked --workspace --test suite -- rollout:: --ignored --test-threads 1 2>&1 | tee "$log" ||
    die "this checkout and $1 do not work side by side" "look for panicked in $log, where the logs of the processes are too"
  grep -q '^test result: ok. [1-9]' "$log" || die "no case was run" "look at $log"
  say "this checkout and $1 work side by side: either may serve the other, and a rollout and its way back lose nothing"
}

[[ ${1:-} != --help ]] || { usage; exit 0; }
cd "$ROOT"
require_rust
commit=$(git rev-parse --verify --quiet "${1:-$(before_the_last_change)}^{commit}") ||
  die "there is no commit ${1:-}" "name one that git log shows"
build_this
build_earlier "$commit"
"$ROOT/ops/servers.sh" start
servers=$("$ROOT/ops/servers.sh" env)
eval "$servers"
export ASKLINE_TEST_BIN=$CARGO_TARGET_DIR/debug/askline ASKLINE_TEST_OLD_BIN=$SKEW/target/debug/askline
side_by_side "$(git log -1 --format='%h (%s)' "$commit")"
