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
  seed
  say "building askline with pause points into $FAULTS_TARGET"
  CARGO_TARGET_DIR=$FAULTS_TARGET cargo build --locked -p cli --features faults \
    --manifest-path "$ROOT/Cargo.toml" ||
    die "askline with pause points could not be built" "look at the compiler's messages above"
  grep -qaF "$MARK" "$FAULTS_TARGET/debug/askline" ||
    die "the executable with pause points has none" "look at what the feature faults of worker-kit compiles in"
}

# The dependencies are the same in both: take them over instead of compiling them twice.
seed() {
  local from=$CARGO_TARGET_DIR/debug to=$FAULTS_TARGET/debug dependencies
  dependencies=$(rustc --version && hash_of "$ROOT/Cargo.lock")
  [[ -d $from/.fingerprint ]] || return 0
  stamped "$FAULTS_TARGET/.seed" "$dependencies" && return
  rm -rf "$FAULTS_TARGET"
  mkdir -p "$to/deps"
  cp -a --reflink=auto "$from/.fingerprint" "$from/build" "$to/"
  seed_libraries "$from/deps" "$to/deps"
  printf '%s' "$dependencies" >"$FAULTS_TARGET/.seed"
}

# Libraries are replaced by renaming and may be linked; cargo writes its other files in place, so they are copied.
# Executables are left out: only what other crates are built from is worth taking.
seed_libraries() {
  find "$1" -maxdepth 1 -type f \( -name '*.rlib' -o -name '*.rmeta' -o -name '*.so' \) -print0 |
    xargs -0 -r cp -al -t "$2" 2>/dev/null ||
    find "$1" -maxdepth 1 -type f \( -name '*.rlib' -o -name '*.rmeta' -o -name '*.so' \) -print0 |
    xargs -0 -r cp -a -t "$2"
  find "$1" -maxdepth 1 -type f -name '*.d' -print0 | xargs -0 -r cp -a -t "$2"
}

require_rust
case ${1:-} in
  release) release ;;
  faults) faults ;;
  *) die "build.sh takes release or faults" "run ops/build.sh release" ;;
esac
