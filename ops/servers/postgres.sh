# PostgreSQL. The tests make databases and roles, so they need a superuser.
# shellcheck shell=bash

postgres_standard_port() { echo 5432; }
# Fast: clients are disconnected. TERM would wait for them.
postgres_stop_signal() { echo INT; }
postgres_user() { id -un; }
postgres_variable() { echo "export ASKLINE_TEST_POSTGRES_URL=postgres://$(postgres_user)@127.0.0.1:$1/test"; }
postgres_pid() { head -n 1 "$(<"$1/data-folder")/postmaster.pid"; }

# postgres_ask PORT STATEMENT
postgres_ask() {
  PGCONNECT_TIMEOUT=3 psql -w -X -A -t -q -h 127.0.0.1 -p "$1" -U "$(postgres_user)" -d postgres -c "$2" 2>/dev/null
}

postgres_answers() {
  [[ $(postgres_ask "$1" 'select rolsuper from pg_roles where rolname = current_user') == t ]]
}

postgres_prepare() {
  [[ $(postgres_ask "$1" "select 1 from pg_database where datname = 'test'") == 1 ]] ||
    postgres_ask "$1" 'create database test' || postgres_test_exists "$1"
}

# Another run may have made it in between.
postgres_test_exists() { [[ $(postgres_ask "$1" "select 1 from pg_database where datname = 'test'") == 1 ]]; }

postgres_programs() {
  local folder
  folder=$(find /usr/lib/postgresql -path '*/bin/postgres' 2>/dev/null | sort -V | tail -n 1)
  dirname "${folder:-$(command -v postgres)}"
}

# It refuses to run as root, and its own user cannot look into root's home.
postgres_as_owner() { if ((EUID == 0)); then runuser -u postgres -- "$@"; else "$@"; fi; }

# postgres_start PORT FOLDER
postgres_start() {
  local data programs
  programs=$(postgres_programs)
  data=$(cd / && postgres_as_owner mktemp -d "${TMPDIR:-/var/tmp}/askline-postgres.XXXXXX")
  printf '%s' "$data" >"$2/data-folder"
  cd /
  postgres_as_owner "$programs/initdb" -D "$data" -A trust -U "$(postgres_user)" -E UTF8 --locale=C.UTF-8 --no-sync
  # pg_ctl leaves the log open, so it gets a file of its own.
  postgres_as_owner "$programs/pg_ctl" -D "$data" -w -t 60 -l "$data/log" -o "-p $1 -h 127.0.0.1 -k $data" start
}

# postgres_clean FOLDER
postgres_clean() {
  [[ -f $1/data-folder ]] || return 0
  local data
  data=$(<"$1/data-folder")
  [[ $data == */askline-postgres.* ]] && rm -rf "$data"
}
