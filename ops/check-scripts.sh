#!/usr/bin/env bash
# Lints every shell script: by its name, or what can be run and has no extension.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
source "$ROOT/ops/tools.sh"

ensure_tools
cd "$ROOT"
mapfile -t scripts < <(find .ci ops -type f \( -name '*.sh' -o -perm -u+x ! -name '*.*' \) | sort)
"$TOOLS/bin/shellcheck" "${scripts[@]}" ||
  die "shellcheck found something" "see above; each code is explained at https://www.shellcheck.net/wiki"
say "the scripts are clean"
