# Redis, without anything kept on disk.
# shellcheck shell=bash

redis_standard_port() { echo 6379; }
redis_stop_signal() { echo TERM; }
redis_answers() { [[ $(timeout 3 redis-cli -h 127.0.0.1 -p "$1" ping 2>/dev/null) == PONG ]]; }
redis_prepare() { true; }
redis_clean() { true; }
redis_variable() { echo "export ASKLINE_TEST_REDIS_URL=redis://127.0.0.1:$1/0"; }
redis_pid() { cat "$1/pid"; }

# redis_start PORT FOLDER
redis_start() {
  redis-server --port "$1" --bind 127.0.0.1 --dir "$2" --pidfile "$2/pid" --save '' --appendonly no \
    --daemonize yes --logfile "$2/log" && within 10 test -s "$2/pid"
}
