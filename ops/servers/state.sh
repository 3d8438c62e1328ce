# What is known of each server: a file with its origin (used or started), port, process and when that began.
# shellcheck shell=bash

# state_write NAME ORIGIN PORT
state_write() {
  local pid=0
  [[ $2 == started ]] && pid=$("$1_pid" "$SERVERS/$1")
  printf 'origin=%s\nport=%s\npid=%s\nborn=%s\n' "$2" "$3" "$pid" "$(born "$pid")" >"$SERVERS/$1.state"
}

# state_field NAME FIELD: empty when nothing is known.
state_field() {
  [[ -f $SERVERS/$1.state ]] || return 0
  sed -n "s/^$2=//p" "$SERVERS/$1.state"
}

# born PID: in clock ticks since boot, so that a process id used again is not taken for the server's.
born() {
  [[ -r /proc/$1/stat ]] || return 0
  sed 's/.*) //' "/proc/$1/stat" | cut -d' ' -f20
}

state_is_live() {
  [[ -f $SERVERS/$1.state ]] && { [[ $(state_field "$1" origin) == used ]] || is_running "$1"; } &&
    "$1_answers" "$(state_field "$1" port)"
}

is_running() {
  local born
  born=$(born "$(state_field "$1" pid)")
  [[ -n $born && $born == "$(state_field "$1" born)" ]]
}

has_ended() { ! is_running "$1"; }

# end_process NAME SIGNAL: politely, and after 15 seconds by force.
end_process() {
  is_running "$1" || return 0
  kill -s "$2" "$(state_field "$1" pid)"
  within 15 has_ended "$1" && return
  warn "$1 did not stop within 15 s and is killed"
  kill -s KILL "$(state_field "$1" pid)"
  within 5 has_ended "$1"
}
