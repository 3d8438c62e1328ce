# The two commands of a peer, and what they take from the environment. Source it after lib.sh, define install_peer and
# run_peer, and call peer NAME COMMAND. README.md in ops says what each variable means.
# shellcheck shell=bash

export PEER_BROKER_URL=${PEER_BROKER_URL:-amqp://guest:guest@127.0.0.1:5672/%2f}
export PEER_REDIS_URL=${PEER_REDIS_URL:-redis://127.0.0.1:6379/0}
export PEER_PREFIX=${PEER_PREFIX:-peer-$$}
export PEER_STEPS=${PEER_STEPS:-5}
export PEER_BYTES=${PEER_BYTES:-1024}
export PEER_CONCURRENCY=${PEER_CONCURRENCY:-64}
export PEER_SECONDS=${PEER_SECONDS:-10}
export PEER_SINGLE=${PEER_SINGLE:-100}

check_inputs() {
  local name
  for name in PEER_STEPS PEER_BYTES PEER_CONCURRENCY PEER_SECONDS PEER_SINGLE; do
    [[ ${!name} =~ ^[1-9][0-9]{0,5}$ ]] || die "$name is '${!name}'" "set it to a whole number from 1 to 999999"
  done
  # It is part of a pattern for keys, and of names in which BullMQ takes no colon.
  [[ $PEER_PREFIX =~ ^[A-Za-z0-9._-]+$ ]] ||
    die "PEER_PREFIX is '$PEER_PREFIX'" "use letters, digits, dots, hyphens and underscores"
}

# Standard output belongs to the one line with the figures. Two at a time would install into the same folder.
install_once() {
  mkdir -p "$ASKLINE_CACHE/peers"
  (
    flock 9
    install_peer >&2
  ) 9>"$PEER.lock"
}

peer() {
  PEER=$ASKLINE_CACHE/peers/$1
  case ${2:-} in
    install) install_once ;;
    run)
      check_inputs
      install_once
      run_peer
      ;;
    *) die "$1 takes install or run" "run ops/peers/$1 run" ;;
  esac
}
