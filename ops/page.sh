#!/usr/bin/env bash
# The browser page: page.sh build | test. And page.sh browser: what the browser tests need.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
source "$ROOT/ops/node.sh"

APP=$ROOT/crates/web/app
BROWSER=$ROOT/tests/browser

# install FOLDER: what its package-lock.json names, unless that is there already.
install() {
  local lock stamp=$1/node_modules/.lock-hash
  lock=$(hash_of "$1/package-lock.json")
  stamped "$stamp" "$lock" && return
  say "npm ci in ${1#"$ROOT"/}"
  (cd "$1" && npm ci --prefer-offline --no-audit --no-fund --loglevel=error >&2) ||
    die "npm ci failed in $1" "look at its message above; without a network it needs a filled npm cache"
  printf '%s' "$lock" >"$stamp"
}

sources_hash() {
  (cd "$APP" && hash_of index.html package-lock.json package.json public src tsconfig.json vite.config.ts)
}

# Without dist/assets, dist is the stand-in that cargo made when there was no page.
is_built() { [[ -d $APP/dist/assets ]] && stamped "$APP/node_modules/.page-hash" "$1"; }

build() {
  local sources
  sources=$(sources_hash)
  is_built "$sources" && return
  install "$APP"
  say "building the page"
  (cd "$APP" && npm run --silent build >&2) || die "the page could not be built" "look at the messages above"
  printf '%s' "$sources" >"$APP/node_modules/.page-hash"
}

ensure_node
case ${1:-} in
  build) build ;;
  test) install "$APP" && cd "$APP" && npm test ;;
  browser) install "$BROWSER" ;;
  *) die "page.sh takes build, test or browser" "run ops/page.sh build" ;;
esac
