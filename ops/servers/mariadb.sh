# MariaDB (or MySQL, where one already runs).
# shellcheck shell=bash

mariadb_standard_port() { echo 3306; }
mariadb_stop_signal() { echo TERM; }
mariadb_ask() { timeout 5 mariadb --no-defaults -h 127.0.0.1 -P "$1" --protocol=tcp -u root -N -B -e "$2" 2>/dev/null; }
mariadb_answers() { [[ $(mariadb_ask "$1" 'select 1') == 1 ]]; }
mariadb_prepare() { mariadb_ask "$1" 'create database if not exists test'; }
mariadb_clean() { true; }
mariadb_variable() { echo "export ASKLINE_TEST_MYSQL_URL=mysql://root@127.0.0.1:$1/test"; }
mariadb_pid() { cat "$1/pid"; }

# mariadb_start PORT FOLDER
mariadb_start() {
  local user program
  user=$(id -un)
  program=$(command -v mariadbd || command -v mysqld)
  mariadb-install-db --no-defaults --auth-root-authentication-method=normal --skip-test-db --user="$user" \
    --datadir="$2/data"
  setsid "$program" --no-defaults --user="$user" --datadir="$2/data" --port="$1" --bind-address=127.0.0.1 \
    --socket="$2/sock" --pid-file="$2/own-pid" --innodb-flush-log-at-trx-commit=2 </dev/null &
  echo $! >"$2/pid"
}
