#!/usr/bin/env bash
# Makes the secret files that docker-compose.yml names: make-secrets.sh [FOLDER]. What is there already is kept:
# without the old private key no stored credentials can be opened any more.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

FOLDER=${1:-${ASKLINE_SECRETS_FOLDER:-$ROOT/ops/container/secrets}}

askline() {
  local program
  for program in "${ASKLINE_BIN:-}" "$(type -P askline || true)" "$CARGO_TARGET_DIR/release/askline"; do
    [[ -n $program && -x $program ]] && { "$program" "$@"; return; }
  done
  have docker || die "no askline executable was found" "run make build, or set ASKLINE_BIN to one"
  docker run --rm "askline:${ASKLINE_VERSION:-dev}" "$@"
}

# keep NAME: writes standard input, unless the file is there. Readable inside containers, whose user is another;
# on this machine the folder keeps others out.
keep() {
  [[ -s $FOLDER/$1 ]] && { cat >/dev/null; return; }
  cat >"$FOLDER/$1.new"
  [[ -s $FOLDER/$1.new ]] || die "the secret $1 came out empty" "look at the messages above"
  chmod 444 "$FOLDER/$1.new"
  mv "$FOLDER/$1.new" "$FOLDER/$1"
  say "made $FOLDER/$1"
}

random_text() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

field() { sed -n 's/.*"'"$1"'"[[:space:]]*:[[:space:]]*"\([^"]*\)".*/\1/p' <<<"$2"; }

make_keys() {
  local keys name
  [[ -s $FOLDER/jwt_secret && -s $FOLDER/vault_public_key && -s $FOLDER/vault_private_key ]] && return
  refuse_half_a_pair
  keys=$(askline keys) || die "\`askline keys\` failed" "run make build again; is it the executable of this version?"
  for name in jwt_secret vault_public_key vault_private_key; do field "$name" "$keys" | keep "$name"; done
}

refuse_half_a_pair() {
  local public=0 private=0
  [[ -s $FOLDER/vault_public_key ]] && public=1
  [[ -s $FOLDER/vault_private_key ]] && private=1
  ((public == private)) || die "only one of vault_public_key and vault_private_key is in $FOLDER" \
    "bring the other back from a backup, or remove both and enter the credentials of all connections again"
}

umask 077
mkdir -p "$FOLDER"
chmod 700 "$FOLDER"
make_keys
for name in store_password broker_password events_password; do random_text | keep "$name"; done
printf 'default_user = askline\ndefault_pass = %s\n' "$(<"$FOLDER/broker_password")" | keep rabbitmq.conf
printf 'requirepass %s\n' "$(<"$FOLDER/events_password")" | keep redis.conf
say "every secret is in $FOLDER: keep a backup of vault_private_key in another place"
