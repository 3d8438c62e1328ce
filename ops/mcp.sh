#!/usr/bin/env bash
# The MCP server, against clients that others wrote: the official Python client, the inspector's command line, and the
# conformance suite. Needs an executable: that of the tests, or ASKLINE_TEST_BIN. mcp.sh [install | run]
set -euo pipefail
source "$(dirname "$0")/lib.sh"
source "$ROOT/ops/node.sh"

CLIENTS=$ROOT/tests/mcp
MCP=$ASKLINE_CACHE/mcp
PYTHON=$MCP/python
NODE_MODULES=$MCP/node
BINARY=${ASKLINE_TEST_BIN:-$CARGO_TARGET_DIR/debug/askline}
WORK='' SERVER='' PROXY=''

# The inspector and the conformance suite take 22.19 or later.
ensure_newer_node() {
  ensure_node
  node_is_at_least_22_19 && return
  [[ -x $NODE_BIN/node ]] || install_node
  PATH=$NODE_BIN:$PATH
  node_is_at_least_22_19 || die "the clients of the MCP server need Node 22.19 or later" "remove $NODE_FOLDER and run this again"
}

node_is_at_least_22_19() {
  node -e '
    const [major, minor] = process.versions.node.split(".").map(Number);
    process.exit((major === 22 && minor >= 19) || major > 22 ? 0 : 1);
  '
}

ensure_python() {
  local wanted
  wanted=$(hash_of "$CLIENTS/requirements.txt")
  stamped "$PYTHON/.stamp" "$wanted" && return
  have python3 || apt_install python3 python3-venv
  say "installing the Python client into $PYTHON"
  python3 -m venv --clear "$PYTHON" ||
    die "python3 could not make an environment in $PYTHON" "run as root: apt-get install -y python3-venv"
  "$PYTHON/bin/pip" install --quiet --disable-pip-version-check -r "$CLIENTS/requirements.txt" ||
    die "pip could not install tests/mcp/requirements.txt" "see to it that pip reaches a package registry"
  printf '%s' "$wanted" >"$PYTHON/.stamp"
}

ensure_modules() {
  local wanted
  wanted=$(hash_of "$CLIENTS/package.json")
  stamped "$NODE_MODULES/.stamp" "$wanted" && return
  say "installing inspector and conformance suite into $NODE_MODULES"
  rm -rf "$NODE_MODULES"
  mkdir -p "$NODE_MODULES"
  cp "$CLIENTS/package.json" "$NODE_MODULES/"
  (cd "$NODE_MODULES" && npm install --ignore-scripts --no-audit --no-fund --loglevel=error >&2) ||
    die "npm could not install tests/mcp/package.json" "see to it that npm reaches a package registry"
  printf '%s' "$wanted" >"$NODE_MODULES/.stamp"
}

finish() {
  local status=$?
  trap - EXIT INT TERM
  [[ -z $PROXY ]] || kill "$PROXY" 2>/dev/null || true
  [[ -z $SERVER ]] || kill "$SERVER" 2>/dev/null || true
  wait
  ((status == 0)) || [[ ! -f $WORK/server.log ]] || tail -n 40 "$WORK/server.log" >&2
  [[ -z $WORK ]] || rm -rf "$WORK"
  exit "$status"
}

is_told() { [[ -s $WORK/demo.json ]] && grep -q '"token"' "$WORK/demo.json"; }

field() { "$PYTHON/bin/python" -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$WORK/demo.json" "$1"; }

start_server() {
  [[ -x $BINARY ]] || die "there is no executable at $BINARY" "run ops/test.sh --only build,mcp, or set ASKLINE_TEST_BIN"
  "$BINARY" demo --json --port "$(free_port)" --data-dir "$WORK/data" >"$WORK/demo.json" 2>"$WORK/server.log" &
  SERVER=$!
  within 60 is_told || die "the server did not start" "look at its log above"
  URL=$(field url) ASKLINE_TOKEN=$(field token)
  export URL ASKLINE_TOKEN
}

# The conformance suite sends no token of its own.
start_proxy() {
  PORT=$(free_port)
  node "$CLIENTS/with-token.mjs" "$PORT" "$URL" &
  PROXY=$!
  within 10 listens "$PORT" || die "the proxy did not start" "look at its message above"
}

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

python_client() {
  say "the official Python client"
  "$PYTHON/bin/python" "$CLIENTS/client.py" "$URL" "$BINARY"
}

inspector() {
  say "the inspector"
  node "$CLIENTS/inspector.mjs" "$NODE_MODULES/node_modules/.bin/mcp-inspector" "$URL" "$BINARY"
}

conformance() {
  say "the conformance suite"
  (cd "$WORK" && "$NODE_MODULES/node_modules/.bin/conformance" server --url "http://127.0.0.1:$PORT/mcp" \
    --expected-failures "$CLIENTS/expected.yml")
}

install() {
  ensure_newer_node
  ensure_python
  ensure_modules
}

run() {
  install
  WORK=$(mktemp -d)
  trap finish EXIT
  trap 'exit 130' INT TERM
  start_server
  start_proxy
  python_client
  inspector
  conformance
}

case ${1:-run} in
  install) install ;;
  run) run ;;
  *) die "mcp.sh takes install or run" "run ops/mcp.sh" ;;
esac
