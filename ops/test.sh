#!/usr/bin/env bash
# Every check there is, part by part, with the time of each. test.sh [--only PART,PART]
set -euo pipefail
source "$(dirname "$0")/lib.sh"
source "$ROOT/ops/node.sh"
source "$ROOT/ops/model.sh"
source "$ROOT/ops/stage.sh"

PARTS=(packages servers scripts page fetch lint build faults mcp browser tests fault-suite)
LOGS=$ASKLINE_CACHE/logs
FETCHING=$ASKLINE_CACHE/fetching.lock
ARTIFACTS=$ASKLINE_CACHE/artifacts
# The only variables of the caller that reach the tests.
OURS='ASKLINE_(CACHE|OWN_SERVERS|SHARED_DATA|TEST_.*)'
REPORT=()
SERVERS_ARE_OURS=0
# Whose executable the tests start.
PROFILE=debug

part_packages() { "$ROOT/ops/packages.sh"; }

part_servers() { "$ROOT/ops/servers.sh" start; }

part_scripts() { "$ROOT/ops/check-scripts.sh" && "$ROOT/ops/check-compose.sh" && "$ROOT/ops/check-peers.sh" logic; }

part_page() { "$ROOT/ops/page.sh" test && "$ROOT/ops/page.sh" build; }

# Goes on while the compiler works. Who needs what it brings waits for the lock, and installs what it could not.
part_fetch() {
  exec 9>"$FETCHING"
  flock 9
  "$ROOT/ops/fetch.sh" >"$LOGS/fetching.log" 2>&1 &
}

await_fetched() { [[ ! -e $FETCHING ]] || flock "$FETCHING" true; }

part_lint() {
  require_rust
  local component
  for component in fmt clippy; do
    cargo "$component" --version >/dev/null 2>&1 ||
      die "cargo $component is missing" "run: rustup component add rustfmt clippy"
  done
  cargo fmt --all --check || die "some files are not formatted" "run: cargo fmt --all"
  cargo clippy --locked --workspace --all-targets -- -D warnings
}

# Without optimisation, which takes a third of the time: the tests, and with them the executable that they start.
part_build() { cargo test --locked --workspace --no-run; }

# By --only servers,build,faults,release,tests the tests start the release executable instead.
part_release() { "$ROOT/ops/build.sh" release; }

part_faults() { "$ROOT/ops/build.sh" faults; }

# Both modes, over real servers and with real processes.
part_tests() {
  await_fetched
  "$ROOT/ops/page.sh" browser
  ensure_node
  ensure_model
  ensure_stage_python
  test_environment
  # They wait for servers more than they compute.
  RUST_TEST_THREADS=4 cargo test --locked --workspace --no-fail-fast
}

# The page against a stand-in for its server that drops sockets, restarts, refuses and stays silent. Alone, since it goes
# by the time of the stand-in.
part_browser() {
  await_fetched
  "$ROOT/ops/page.sh" build
  "$ROOT/ops/page.sh" browser
  ensure_node
  mkdir -p "$ARTIFACTS"
  CHROMIUM=$(find_chromium) SCREENSHOT_DIR=$ARTIFACTS node "$ROOT/tests/browser/faults.mjs"
}

# Clients of the MCP server that others wrote.
part_mcp() {
  await_fetched
  forget_settings
  ASKLINE_TEST_BIN=$CARGO_TARGET_DIR/$PROFILE/askline "$ROOT/ops/mcp.sh"
}

# A short set of faults; make test-faults runs all of them.
part_fault-suite() {
  test_environment
  "$ROOT/ops/test-faults.sh" --short
}

part_unit() {
  test_environment
  cargo test --locked --workspace --exclude tests --no-fail-fast
}

# The peers of the benchmark, for a moment each.
part_peers() { "$ROOT/ops/check-peers.sh" run; }

# The caller's own settings reach no test.
forget_settings() {
  local name
  for name in $(compgen -e ASKLINE_ | grep -vxE "$OURS"); do unset "$name"; done
}

# What the tests find by their environment.
test_environment() {
  local servers
  forget_settings
  servers=$("$ROOT/ops/servers.sh" env)
  eval "$servers"
  mkdir -p "$ARTIFACTS"
  export ASKLINE_TEST_BIN=$CARGO_TARGET_DIR/$PROFILE/askline
  export ASKLINE_TEST_FAULTS_BIN=$ASKLINE_CACHE/target-faults/debug/askline
  export ASKLINE_TEST_ARTIFACTS=$ARTIFACTS
  export ASKLINE_TEST_STAGE_PYTHON=$STAGE_PYTHON/bin/python
  CHROMIUM=$(find_chromium || echo /usr/bin/chromium)
  export CHROMIUM
  share_data
  share_model
}

# A script that serves a model with llama.cpp lies beside the shared test data, where there is any.
share_model() {
  local script
  script=$(dirname "$ROOT")/shared/tools/llm-server.py
  [[ -f $script && -x $MODEL/bin/python ]] || return 0
  export ASKLINE_TEST_LLM_SERVER=$script ASKLINE_TEST_LLM_PYTHON=$MODEL/bin/python
  ASKLINE_TEST_LLM_WEIGHTS=$(find "$MODEL" -name '*.gguf' -print -quit)
  export ASKLINE_TEST_LLM_WEIGHTS
}

share_data() {
  local beside
  beside=$(dirname "$ROOT")/shared/data
  [[ -n ${ASKLINE_SHARED_DATA:-} || ! -d $beside ]] || export ASKLINE_SHARED_DATA=$beside
}

# run PART: its output goes to the terminal and to a log.
run() {
  local begin=$SECONDS log=$LOGS/$1.log status=0
  printf '\n%s\n' "${BOLD}=== part $1${PLAIN}"
  set +e
  (set -e; "part_$1") 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
  set -e
  REPORT+=("$(printf '%-10s %6s s  %s' "$1" "$((SECONDS - begin))" "$( ((status == 0)) && echo ok || echo FAILED)")")
  ((status == 0)) || failed "$1" "$log"
}

# What failed may stand thousands of lines above.
failed() {
  printf '\n%s\n' "${RED}${BOLD}The part $1 failed.${PLAIN} Its whole output is in $2; the lines to look for:"
  grep -nE '^(test .* FAILED|error(\[|:| )|.* panicked at )' "$2" | head -n 60 || tail -n 40 "$2"
  exit 1
}

finish() {
  local status=$?
  trap - EXIT INT TERM
  ((SERVERS_ARE_OURS == 0)) || "$ROOT/ops/servers.sh" stop
  printf '\n%s\n' "${BOLD}part         time${PLAIN}"
  ((${#REPORT[@]} == 0)) || printf '%s\n' "${REPORT[@]}"
  printf '%-10s %6s s\n' total "$SECONDS"
  exit "$status"
}

chosen() {
  case ${1:-} in
    '') printf '%s\n' "${PARTS[@]}" ;;
    --only) tr ',' '\n' <<<"${2:?--only needs parts}" ;;
    *) die "test.sh does not know $1" "run ops/test.sh, or ops/test.sh --only ${PARTS[0]},${PARTS[1]}" ;;
  esac
}

main() {
  local part parts
  parts=$(chosen "$@")
  for part in $parts; do
    declare -F "part_$part" >/dev/null || die "there is no part $part" "choose from: ${PARTS[*]} unit peers"
  done
  [[ " ${parts//$'\n'/ } " != *' release '* ]] || PROFILE=release
  mkdir -p "$LOGS"
  cd "$ROOT"
  "$ROOT/ops/servers.sh" env >/dev/null 2>&1 || SERVERS_ARE_OURS=1
  trap finish EXIT
  trap 'exit 130' INT TERM
  for part in $parts; do run "$part"; done
}

main "$@"
