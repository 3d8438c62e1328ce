# The Python environment of the example stage, under the cache folder. Source it and call ensure_stage_python.
# shellcheck shell=bash

STAGE_PYTHON=$ASKLINE_CACHE/stage-python

ensure_stage_python() {
  local wanted=$ROOT/examples/python-stage/requirements.txt hash
  hash=$(hash_of "$wanted")
  stamped "$STAGE_PYTHON/.stamp" "$hash" && return
  say "installing what the example stage needs into $STAGE_PYTHON"
  python3 -m venv --clear "$STAGE_PYTHON" ||
    die "python3 could not make an environment in $STAGE_PYTHON" "run as root: apt-get install -y python3-venv"
  "$STAGE_PYTHON/bin/pip" install --quiet --disable-pip-version-check -r "$wanted" ||
    die "pip could not install what $wanted names" "see to it that pip reaches a package registry"
  printf '%s' "$hash" >"$STAGE_PYTHON/.stamp"
}
