#!/usr/bin/env bash
# Checks docker-compose.yml by the compose schema and by our own rules, and lints the Dockerfile. Needs no engine.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
source "$ROOT/ops/tools.sh"

ensure_tools
resolved=$(mktemp)
trap 'rm -f "$resolved"' EXIT
# The caller's own settings must not hide a mistake in the file.
env -i PATH="$PATH" HOME="$HOME" "$TOOLS/bin/docker-compose" --project-directory "$ROOT" \
  -f "$ROOT/docker-compose.yml" --env-file /dev/null config --format json >"$resolved" ||
  die "docker-compose.yml does not follow the compose schema" "see the message above"
"$TOOLS/bin/python3" "$ROOT/ops/check_compose.py" "$resolved" "$ROOT" ||
  die "docker-compose.yml breaks a rule of ours" "see above; the rules stand in ops/check_compose.py"
"$TOOLS/bin/hadolint" "$ROOT/ops/container/Dockerfile" ||
  die "hadolint found something in ops/container/Dockerfile" "see above"
say "the container files are clean"
