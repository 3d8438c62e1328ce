#!/usr/bin/env bash
# Builds what is not built, then starts Askline on sample data in this one process. Arguments go to `askline demo`.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

require_rust
"$ROOT/ops/page.sh" build
"$ROOT/ops/build.sh" release
exec "$CARGO_TARGET_DIR/release/askline" demo "$@"
