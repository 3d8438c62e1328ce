# The checkers of tools.txt, in a Python environment under the cache folder. Source it and call ensure_tools.
# shellcheck shell=bash

TOOLS=$ASKLINE_CACHE/tools

ensure_tools() {
  local wanted
  wanted=$(hash_of "$ROOT/ops/tools.txt")
  stamped "$TOOLS/.stamp" "$wanted" && return
  have python3 || apt_install python3 python3-venv
  say "installing the checkers of ops/tools.txt into $TOOLS"
  python3 -m venv --clear "$TOOLS" ||
    die "python3 could not make an environment in $TOOLS" "run as root: apt-get install -y python3-venv"
  "$TOOLS/bin/pip" install --quiet --disable-pip-version-check -r "$ROOT/ops/tools.txt" ||
    die "pip could not install the checkers of ops/tools.txt" "see to it that pip reaches a package registry"
  printf '%s' "$wanted" >"$TOOLS/.stamp"
}
