#!/usr/bin/env bash
# The executable: build.sh release | faults. Both lie outside the checkout, so that a clean checkout does not compile
# every dependency again.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

FAULTS_TARGET=$ASKLINE_CACHE/target-faults
# What an executable with pause points holds.
MARK=askline-pause-points-are-compiled-in

release() {
  say "building askline into $CARGO_TARGET_DIR (the first time takes some minutes)"
  cargo build --release --locked -p cli --manifest-path "$ROOT/Cargo.toml" ||
    die "askline could not be built" "look at the compiler's messages above; it needs Rust 1.95 or later and a C compiler"
  ! grep -qaF "$MARK" "$CARGO_TARGET_DIR/release/askline" ||
    die "the release executable has pause points" "build it without the feature faults; they are for tests alone"
}

# With the pause points of the fault tests. A folder of its own, so that no release ever has them.
faults() {
  seed_target "$FAULTS_TARGET"
  say "building askline with pause points into $FAULTS_TARGET"
  CARGO_TARGET_DIR=$FAULTS_TARGET cargo build --locked -p cli --features faults \
    --manifest-path "$ROOT/Cargo.toml" ||
    die "askline with pause points could not be built" "look at the compiler's messages above"
  grep -qaF "$MARK" "$FAULTS_TARGET/debug/askline" ||
    die "the executable with pause points has none" "look at what the feature faults of worker-kit compiles in"
}

require_rust
case ${1:-} in
  release) release ;;
  faults) faults ;;
  *) die "build.sh takes release or faults" "run ops/build.sh release" ;;
esac
