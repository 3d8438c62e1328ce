# Shared by the scripts in this folder. Sourcing it sets paths and defines functions; it changes nothing else.
# shellcheck shell=bash

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
ASKLINE_CACHE=${ASKLINE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/askline}
export ROOT ASKLINE_CACHE
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$ASKLINE_CACHE/target}
# Servers and their tools lie in folders that ordinary users do not search.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
[[ -d $HOME/.cargo/bin ]] && PATH=$HOME/.cargo/bin:$PATH
export PATH

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
  BOLD=$'\e[1m' RED=$'\e[31m' YELLOW=$'\e[33m' PLAIN=$'\e[0m'
else
  BOLD='' RED='' YELLOW='' PLAIN=''
  export NO_COLOR=1
fi
export BOLD RED YELLOW PLAIN

say() { printf '%s\n' "${BOLD}==>${PLAIN} $*" >&2; }
warn() { printf '%s\n' "${YELLOW}warning:${PLAIN} $*" >&2; }

# die WHAT [TO_DO]: what happened, and what to do about it.
die() {
  printf '%s\n' "${RED}error:${PLAIN} $1" >&2
  [[ -n ${2:-} ]] && printf '%s\n' "  ${BOLD}do:${PLAIN} $2" >&2
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# as_root COMMAND...: runs it as root, or says which command somebody has to run.
as_root() {
  if ((EUID == 0)); then
    "$@"
  elif have sudo; then
    sudo "$@"
  else
    die "this needs root, and there is no sudo" "run as root: $*  (then run make again)"
  fi
}

# apt_install PACKAGE...: from the distribution.
apt_install() {
  have apt-get || die "these packages are missing: $*, and there is no apt-get here" \
    "install them with this system's package manager, then run make again"
  say "installing from the distribution: $*"
  if ((EUID != 0)) && ! have sudo; then
    die "installing packages needs root, and there is no sudo" \
      "run as root: apt-get update && apt-get install -y $*  (then run make again)"
  fi
  local log=$ASKLINE_CACHE/logs/apt.log
  mkdir -p "${log%/*}"
  ((EUID == 0)) || say "this needs root: sudo apt-get update, sudo apt-get install -y $*"
  if apt_quietly update &>"$log" && apt_quietly install -y --no-install-recommends "$@" &>>"$log"; then return; fi
  tail -n 20 "$log" >&2
  die "apt-get could not install: $*" "look at its messages above and in $log; is the network there?"
}

apt_quietly() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" </dev/null; }

# hash_of FILE_OR_FOLDER...: one hash over names and contents.
hash_of() { find "$@" -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1; }

# stamped FILE TEXT: whether the file holds exactly this text.
stamped() { [[ -f $1 && $(<"$1") == "$2" ]]; }

# seed_target TARGET: the dependencies are the same there, so they are taken over instead of compiled twice.
seed_target() {
  local from=$CARGO_TARGET_DIR/debug to=$1/debug dependencies
  dependencies=$(rustc --version && hash_of "$ROOT/Cargo.lock")
  [[ -d $from/.fingerprint ]] || return 0
  stamped "$1/.seed" "$dependencies" && return
  rm -rf "$1"
  mkdir -p "$to/deps"
  cp -a --reflink=auto "$from/.fingerprint" "$from/build" "$to/"
  seed_libraries "$from/deps" "$to/deps"
  printf '%s' "$dependencies" >"$1/.seed"
}

# Libraries are replaced by renaming and may be linked; cargo writes its other files in place, so they are copied.
# Executables are left out: only what other crates are built from is worth taking.
seed_libraries() {
  find "$1" -maxdepth 1 -type f \( -name '*.rlib' -o -name '*.rmeta' -o -name '*.so' \) -print0 |
    xargs -0 -r cp -al -t "$2" 2>/dev/null ||
    find "$1" -maxdepth 1 -type f \( -name '*.rlib' -o -name '*.rmeta' -o -name '*.so' \) -print0 |
    xargs -0 -r cp -a -t "$2"
  find "$1" -maxdepth 1 -type f -name '*.d' -print0 | xargs -0 -r cp -a -t "$2"
}

# within SECONDS COMMAND...: until the command succeeds; fails when the time is over.
within() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < end)) || return 1
    sleep 0.2
  done
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

find_chromium() {
  local name
  for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome; do
    [[ -n $name ]] && command -v "$name" && return
  done
  return 1
}

require_rust() {
  have cargo || die "there is no Rust toolchain: cargo was not found" "install Rust 1.95 or later, from https://rustup.rs"
  have cc || die "there is no C compiler: cc was not found" "run as root: apt-get install -y gcc libc6-dev"
}
