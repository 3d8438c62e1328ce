#!/usr/bin/env bash
# Lints every shell script.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
source "$ROOT/ops/tools.sh"

ensure_tools
cd "$ROOT"
"$TOOLS/bin/shellcheck" .ci/run ops/*.sh ops/servers/*.sh ||
  die "shellcheck found something" "see above; each code is explained at https://www.shellcheck.net/wiki"
say "the scripts are clean"
