#!/usr/bin/env bash
# What the peers of the benchmark count and leave behind. check-peers.sh [logic | run]: logic tests the loop of chains
# alone; run measures each peer for a second on the servers of the tests, ends it half way, and looks for what is left.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
source "$ROOT/ops/node.sh"

PEERS=(celery bullmq)
LOG='' PREFIX='' PEER=''

failed() {
  cat "$LOG" >&2
  die "$1" "see the messages above"
}

logic() {
  ensure_node
  have python3 || apt_install python3
  (cd "$ROOT/ops/peers/celery.d" && python3 -B -m unittest) >"$LOG" 2>&1 || failed "a test of ops/peers/celery.d failed"
  node --test "$ROOT/ops/peers/bullmq.d/load.test.mjs" >"$LOG" 2>&1 || failed "a test of ops/peers/bullmq.d failed"
  say "the loops of the peers count right"
}

check() { "$ASKLINE_CACHE/peers/celery/bin/python" -B "$ROOT/ops/check_peers.py" "$@"; }

leaves_nothing() { check left "$PREFIX" "$PEER_STEPS" || die "$1 does not clean up" "look at what it does at its end"; }

measures() {
  local line
  line=$("$ROOT/ops/peers/$1" run 2>"$LOG") || failed "$1 did not measure"
  check figures "$1" "$line" || die "$1 does not print what it should" "ops/README.md has the interface"
  leaves_nothing "$1"
  say "$line"
}

is_under_load() { grep -q 'at a time,' "$LOG"; }

ends_half_way() {
  local status=0
  PEER_SECONDS=60 "$ROOT/ops/peers/$1" run >"$LOG.line" 2>"$LOG" &
  PEER=$!
  within 60 is_under_load || warn "$1 did not come to its load within 60 s"
  kill "$PEER"
  wait "$PEER" || status=$?
  PEER=''
  ((status == 143)) || failed "$1 ended with $status on SIGTERM"
  [[ ! -s $LOG.line ]] || die "$1 printed figures of a measurement that was ended" "they are: $(<"$LOG.line")"
  leaves_nothing "$1"
  say "$1 leaves nothing when it is ended half way"
}

run() {
  local peer servers
  servers=$("$ROOT/ops/servers.sh" env)
  eval "$servers"
  export PEER_BROKER_URL=$ASKLINE_TEST_RABBITMQ_URL PEER_REDIS_URL=$ASKLINE_TEST_REDIS_URL PEER_PREFIX=$PREFIX
  export PEER_STEPS=3 PEER_BYTES=256 PEER_CONCURRENCY=8 PEER_SECONDS=1 PEER_SINGLE=5
  for peer in "${PEERS[@]}"; do "$ROOT/ops/peers/$peer" install; done
  for peer in "${PEERS[@]}"; do
    measures "$peer"
    ends_half_way "$peer"
  done
}

finish() {
  [[ -z $PEER ]] || kill "$PEER" 2>/dev/null || true
  wait
  rm -f "$LOG" "$LOG.line"
}

LOG=$(mktemp)
PREFIX=peercheck-$$
trap finish EXIT
trap 'exit 130' INT TERM
case ${1:-logic} in
  logic) logic ;;
  run) run ;;
  *) die "check-peers.sh takes logic or run" "run ops/check-peers.sh" ;;
esac
