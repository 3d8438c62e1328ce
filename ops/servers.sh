#!/usr/bin/env bash
# The servers of the tests: servers.sh start | stop | env | status.
# One that runs on its standard port and lets the tests in is used as it is; for the others, servers of our own are
# started on free ports, with their data under the cache folder, and stop ends those. ASKLINE_OWN_SERVERS=1 starts all.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

SERVERS=$ASKLINE_CACHE/servers
NAMES=(rabbitmq redis postgres mariadb)
source "$ROOT/ops/servers/state.sh"
source "$ROOT/ops/servers/rabbitmq.sh"
source "$ROOT/ops/servers/redis.sh"
source "$ROOT/ops/servers/postgres.sh"
source "$ROOT/ops/servers/mariadb.sh"

# provide NAME: sees to it that the server answers, and writes down where.
provide() {
  state_is_live "$1" && return
  stop_one "$1"
  if [[ ${ASKLINE_OWN_SERVERS:-0} != 1 ]] && "$1_answers" "$("$1_standard_port")" && suits "$1"; then
    state_write "$1" used "$("$1_standard_port")"
  else
    start_one "$1"
  fi
  "$1_prepare" "$(state_field "$1" port)" ||
    die "$1 answers, but the tests cannot use it" "look into $SERVERS/$1.log"
}

# suits NAME: whether the one that runs is fit for the tests, where that is a question.
suits() { ! declare -F "$1_suits" >/dev/null || "$1_suits" "$("$1_standard_port")"; }

start_one() {
  local port log=$SERVERS/$1.log
  port=$(free_port)
  rm -rf "${SERVERS:?}/$1"
  mkdir -p "$SERVERS/$1"
  "$1_start" "$port" "$SERVERS/$1" >"$log" 2>&1 || server_failed "$1" "did not start"
  state_write "$1" started "$port"
  within 90 answers_or_has_ended "$1" "$port" || server_failed "$1" "did not answer on port $port within 90 s"
  "$1_answers" "$port" || server_failed "$1" "ended again at once"
}

answers_or_has_ended() { "$1_answers" "$2" || has_ended "$1"; }

server_failed() {
  tail -n 20 "$SERVERS/$1.log" >&2
  die "$1 $2" "its messages stand above and in $SERVERS/$1.log; or start $1 yourself on port $("$1_standard_port")"
}

# All at once: RabbitMQ alone takes 20 seconds.
start() {
  local name failed=0
  mkdir -p "$SERVERS"
  for name in "${NAMES[@]}"; do provide "$name" & done
  for name in "${NAMES[@]}"; do wait -n || failed=1; done
  ((failed == 0)) || { stop; die "not every server of the tests is there" "see the messages above"; }
  status
}

stop_one() {
  [[ $(state_field "$1" origin) == started ]] && end_process "$1" "$("$1_stop_signal")"
  "$1_clean" "$SERVERS/$1"
  rm -rf "${SERVERS:?}/$1" "$SERVERS/$1.state"
}

stop() {
  local name
  for name in "${NAMES[@]}"; do stop_one "$name" & done
  wait
}

status() {
  local name
  for name in "${NAMES[@]}"; do
    if state_is_live "$name"; then
      say "$name: $(state_field "$name" origin), port $(state_field "$name" port)"
    else
      say "$name: not started"
    fi
  done
}

environment() {
  local name
  for name in "${NAMES[@]}"; do
    state_is_live "$name" || die "$name is not there" "run ops/servers.sh start"
    "${name}_variable" "$(state_field "$name" port)"
  done
}

case ${1:-} in
  start) start ;;
  stop) stop ;;
  status) status ;;
  env) environment ;;
  *) die "servers.sh takes start, stop, env or status" "run ops/servers.sh start" ;;
esac
