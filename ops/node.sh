# Node for the page. Source it and call ensure_node: afterwards `node` and `npm` on PATH are new enough.
# shellcheck shell=bash

NODE_FOLDER=$ASKLINE_CACHE/node
NODE_BIN=$NODE_FOLDER/node_modules/node/bin

# Vite 8 takes 20.19 or later of 20, and 22.12 or later.
node_is_new_enough() {
  have node || return 1
  node -e '
    const [major, minor] = process.versions.node.split(".").map(Number);
    process.exit((major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22 ? 0 : 1);
  ' 2>/dev/null
}

ensure_node() {
  node_is_new_enough && have npm && return
  if [[ -x $NODE_BIN/node ]] && have npm; then
    PATH=$NODE_BIN:$PATH
    node_is_new_enough && return
  fi
  have npm || apt_install npm
  node_is_new_enough || install_node
}

# The npm package `node` brings the executable: no other download, and no root.
install_node() {
  local found='none'
  have node && found=$(node --version)
  say "Node 20.19 or 22.12 is needed and $found was found: installing the npm package node@22 into $NODE_FOLDER"
  mkdir -p "$NODE_FOLDER"
  npm install --prefix "$NODE_FOLDER" --no-audit --no-fund --loglevel=error node@22 >&2 ||
    die "npm could not install node@22" "install Node 22.12 or later yourself, so that \`node --version\` shows it"
  PATH=$NODE_BIN:$PATH
  node_is_new_enough ||
    die "the npm package node@22 brought no usable node in $NODE_BIN" "install Node 22.12 or later yourself"
}
