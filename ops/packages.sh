#!/usr/bin/env bash
# What the tests need from the distribution. Installs only what is missing.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

missing=()
# need PACKAGE COMMAND...: the package, unless the command succeeds.
need() {
  local package=$1
  shift
  "$@" >/dev/null 2>&1 || missing+=("$package")
}

has_postgres() { have postgres || compgen -G '/usr/lib/postgresql/*/bin/postgres'; }
has_rabbitmq() { have rabbitmq-server || [[ -x /usr/lib/rabbitmq/bin/rabbitmq-server ]]; }
has_mariadb() { have mariadbd || have mysqld; }

need rabbitmq-server has_rabbitmq
need redis-server have redis-server
need redis-tools have redis-cli
need postgresql has_postgres
need postgresql-client have psql
need mariadb-server has_mariadb
need mariadb-client have mariadb
need chromium find_chromium
need python3 have python3
need python3-venv python3 -c 'import ensurepip, venv'

if ((${#missing[@]} > 0)); then
  apt_install "${missing[@]}"
fi
find_chromium >/dev/null || die "Chromium cannot be found" "install it, or set CHROMIUM to its executable"
