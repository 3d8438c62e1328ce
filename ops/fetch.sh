#!/usr/bin/env bash
# What the tests install from package registries: the driver of the browser, a small model, the example stage's client,
# the clients of the MCP server.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
source "$ROOT/ops/node.sh"
source "$ROOT/ops/model.sh"
source "$ROOT/ops/stage.sh"

"$ROOT/ops/page.sh" browser
ensure_model
ensure_stage_python
"$ROOT/ops/mcp.sh" install
