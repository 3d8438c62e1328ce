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

# build COMMIT: its executable, beside the checkout.
build() {
  local source=$SKEW/source
  if ! stamped "$SKEW/.commit" "$1"; then
    rm -rf "$source"
    mkdir -p "$source"
    git archive "$1" | tar -x -m -C "$source"
    printf '%s' "$1" >"$SKEW/.commit"
  fi
  say "building askline as of ${1:0:12} into $SKEW/target (the first time takes some minutes)"
  CARGO_TARGET_DIR=$SKEW/target cargo build --locked -p cli --manifest-path "$source/Cargo.toml" ||
    die "the earlier executable could not be built" "look at the compiler's messages above, or name another commit"
}

[[ ${1:-} != --help ]] || { usage; exit 0; }
cd "$ROOT"
require_rust
commit=$(git rev-parse --verify --quiet "${1:-$(before_the_last_change)}^{commit}") ||
  die "there is no commit ${1:-}" "name one that git log shows"
build "$commit"
"$ROOT/ops/build.sh" release
"$ROOT/ops/servers.sh" start
eval "$("$ROOT/ops/servers.sh" env)"
export ASKLINE_TEST_BIN=$CARGO_TARGET_DIR/release/askline ASKLINE_TEST_OLD_BIN=$SKEW/target/debug/askline
cargo test --locked -p tests --test suite -- rollout:: --ignored
