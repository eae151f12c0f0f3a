# shellcheck shell=bash disable=SC2154
# How a Galera cluster begins again after its nodes, or too many of them, have ended. Sourced by galera.sh.

# Of the nodes that have ended, the one that has seen the most: only it may begin the cluster.
most_advanced() {
  local node
  for node in $(node_names); do echo "$(position "$node") $node"; done | sort -k 1,1n -k 2,2n -k 3,3r | tail -n 1 | cut -d ' ' -f 3
}

# position NODE: the last transaction it has (-1: none, or no whole copy of the data), and 1 if it ended last.
position() {
  local dir state seqno last
  dir=$(readlink -m "$(node_dir "$1")")
  state=$dir/data/grastate.dat
  if [ ! -s "$state" ] || [ -e "$dir/data/sst_in_progress" ] || grep -q '^uuid: *00000000-' "$state"; then echo "-1 0"; return; fi
  seqno=$(sed -n 's/^seqno: *//p' "$state")
  last=$(sed -n 's/^safe_to_bootstrap: *//p' "$state")
  [ "$seqno" != -1 ] || seqno=$(recovered_position "$dir")
  echo "${seqno:--1} ${last:-0}"
}

# After a kill the file does not have it: the tables do.
recovered_position() {
  mariadbd --defaults-file="$1/my.cnf" --wsrep-recover --log-error="$1/data/recover.log" >/dev/null 2>&1 || true
  sed -n 's/.*Recovered position: *[^:]*:\(-\{0,1\}[0-9]*\).*/\1/p' "$1/data/recover.log" | tail -n 1
  rm -f "$1/data/recover.log"
}

allow_bootstrap() {
  local state
  state=$(node_dir "$1")/data/grastate.dat
  [ ! -e "$state" ] || sed -i 's/^safe_to_bootstrap:.*/safe_to_bootstrap: 1/' "$state"
}

living() { local node; for node in $(node_names); do ! alive "$node" || echo "$node"; done; }

# Whether the living know which of them have died: they notice it some seconds late.
settled() {
  local node size
  for node in $(living); do
    read -r _ _ size <<<"$(state "$node")"
    [ "${size:-0}" -le "$(living | wc -l)" ] || return 1
  done
}

any_primary() {
  local node
  for node in $(living); do
    if [[ $(state "$node") == *" Primary "* ]]; then return 0; fi
  done
  return 1
}

# Too few survivors refuse to work. The one that has seen the most goes on: it has all that was acknowledged.
await_majority() {
  local until node best
  await 30 "waiting until the living know who has died" settled
  until=$((SECONDS + 4))
  while [ $SECONDS -lt $until ]; do
    ! any_primary || return 0
    sleep 0.2
  done
  best=$(for node in $(living); do echo "$(last_committed "$node") $node"; done | sort -n | tail -n 1)
  node=${best#* }
  say "$name: no majority is left, $node goes on"
  mariadb_root "$(first_port "$node")" -e "SET GLOBAL wsrep_provider_options = 'pc.bootstrap=YES'"
  await 20 "waiting for $node" any_primary
}

last_committed() { mariadb_root "$(first_port "$1")" -e "SHOW GLOBAL STATUS LIKE 'wsrep_last_committed'" | cut -f 2; }
