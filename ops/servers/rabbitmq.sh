# RabbitMQ: a node of its own, with its own name, cookie, port mapper and configuration.
# shellcheck shell=bash

rabbitmq_standard_port() { echo 5672; }
rabbitmq_stop_signal() { echo TERM; }
rabbitmq_answers() { timeout 5 python3 "$ROOT/ops/servers/amqp_login.py" 127.0.0.1 "$1" guest guest; }
rabbitmq_prepare() { true; }

# rabbitmq_suits PORT: an installation has some 160 queues, and RabbitMQ sets two files aside for each. Where they are
# used up it logs nobody in any more, without a word. The tests have several installations at a time.
RABBITMQ_LEAST_FILES=4096
rabbitmq_suits() {
  local files
  files=$(python3 "$ROOT/ops/servers/open_files.py" "$1")
  [[ -z $files ]] || ((files >= RABBITMQ_LEAST_FILES)) || {
    warn "the RabbitMQ at port $1 may open $files files only, which is too few for the tests: one of our own is started"
    return 1
  }
}
rabbitmq_variable() { echo "export ASKLINE_TEST_RABBITMQ_URL=amqp://guest:guest@127.0.0.1:$1/%2f"; }
rabbitmq_pid() { cat "$1/pid"; }

rabbitmq_program() {
  local own=/usr/lib/rabbitmq/bin/rabbitmq-server
  # The one on PATH insists on root or its own user.
  if [[ -x $own ]]; then echo "$own"; else command -v rabbitmq-server; fi
}

# rabbitmq_start PORT FOLDER
rabbitmq_start() {
  rabbitmq_configure "$1" "$2"
  ulimit -S -n "$(ulimit -H -n)"
  # With RUNNING_UNDER_SYSTEMD the script becomes the server instead of watching over it.
  env -u RABBITMQ_LOGS HOME="$2" ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT="$(<"$2/epmd-port")" \
    ERL_FLAGS='-kernel inet_dist_use_interface {127,0,0,1}' \
    RABBITMQ_CONF_ENV_FILE="$2/env.conf" RABBITMQ_CONFIG_FILE="$2/rabbitmq.conf" \
    RABBITMQ_ENABLED_PLUGINS_FILE="$2/plugins" RABBITMQ_PID_FILE="$2/own-pid" \
    RABBITMQ_NODENAME="askline-$1@localhost" RABBITMQ_DIST_PORT="$(free_port)" \
    RABBITMQ_MNESIA_BASE="$2/data" RABBITMQ_LOG_BASE="$2/log" RABBITMQ_GENERATED_CONFIG_DIR="$2/generated" \
    RUNNING_UNDER_SYSTEMD=1 setsid "$(rabbitmq_program)" </dev/null &
  echo $! >"$2/pid"
}

# rabbitmq_configure PORT FOLDER
rabbitmq_configure() {
  mkdir -p "$2/data" "$2/log" "$2/generated"
  : >"$2/env.conf"
  echo '[].' >"$2/plugins"
  free_port >"$2/epmd-port"
  printf '%s\n' "listeners.tcp.local = 127.0.0.1:$1" 'log.file.level = warning' 'disk_free_limit.absolute = 50MB' \
    >"$2/rabbitmq.conf"
}

# rabbitmq_clean FOLDER: the port mapper outlives its node.
rabbitmq_clean() {
  [[ -f $1/epmd-port ]] || return 0
  epmd -port "$(<"$1/epmd-port")" -kill >/dev/null 2>&1 || true
}
