# shellcheck shell=bash disable=SC2154
# galera: three MariaDB nodes that replicate to each other; any one may die.
# shellcheck source=scripts/servers.d/lib/mariadb.sh
. "$lib/mariadb.sh"
# shellcheck source=scripts/servers.d/lib/galera.sh
. "$lib/galera.sh"

needs() {
  mariadb_needs
  echo /usr/lib/galera/libgalera_smm.so galera-4
  echo rsync rsync
}

# NODE SQL GROUP INCREMENTAL-TRANSFER FULL-TRANSFER
nodes() { local i; for i in 1 2 3; do echo "n$i $((base + 310 + i)) $((base + 320 + i)) $((base + 330 + i)) $((base + 340 + i))"; done; }

# Full transfers between nodes fail as root.
database_user() { if [ "$(id -u)" -eq 0 ]; then echo mysql; else id -un; fi; }

# The database user must reach its data. Where it can't (below /root), the data lies in /var/tmp, with a link to it.
make_place() {
  local place
  [ ! -d "$folder/$name/n1" ] || return 0
  if [ "$(id -u)" -ne 0 ] || setpriv --reuid=mysql --regid=mysql --clear-groups test -x "$folder"; then
    mkdir -p "$folder/$name"
  else
    place=/var/tmp/fanone-servers-$(cksum <<<"$folder" | cut -d ' ' -f 1)
    rm -rf "$place" "${folder:?}/$name" # what is left of a folder that was deleted
    mkdir "$place" || die "$name: could not make $place"
    ln -s "$place" "$folder/$name"
  fi
  chmod 711 "$folder/$name/"
}

# start NODE [ARGUMENT…]
start() {
  local node=$1 dir sql group incremental full
  shift
  mkdir -p "$(node_dir "$node")"
  dir=$(cd "$(node_dir "$node")" && pwd -P)
  chmod 711 "$dir"
  read -r sql group incremental full <<<"$(node_ports "$node")"
  mariadb_config "$dir" "$sql" "$(database_user)" \
    socket="$dir/data/my.sock" max-connections=200 innodb-buffer-pool-size=64M innodb-flush-log-at-trx-commit=2 \
    binlog-format=ROW default-storage-engine=InnoDB innodb-autoinc-lock-mode=2 \
    wsrep-on=ON wsrep-provider=/usr/lib/galera/libgalera_smm.so wsrep-cluster-name=fanone wsrep-node-name="$node" \
    wsrep-cluster-address="$(group_address)" wsrep-node-address="127.0.0.1:$group" wsrep-node-incoming-address="127.0.0.1:$sql" \
    wsrep-sst-method=rsync wsrep-sst-receive-address="127.0.0.1:$full" wsrep-slave-threads=2 wsrep-retry-autocommit=4 \
    wsrep-provider-options="\"$(provider_options "$group" "$incremental")\""
  chmod 644 "$dir/my.cnf"
  mariadb_install "$dir" "$(database_user)"
  launch "$node" mariadbd --defaults-file="$dir/my.cnf" "$@"
}

group_address() { echo "gcomm://$(nodes | awk '{ printf "%s127.0.0.1:%s", (NR > 1 ? "," : ""), $3 }')"; }

# The times make the others go on about 3 s after a node was killed.
provider_options() {
  printf '%s' "gmcast.listen_addr=tcp://127.0.0.1:$1;ist.recv_addr=127.0.0.1:$2;gcache.size=64M;" \
    "evs.keepalive_period=PT0.25S;evs.inactive_check_period=PT0.25S;" \
    "evs.suspect_timeout=PT1S;evs.inactive_timeout=PT3S;evs.install_timeout=PT3S"
}

up() {
  local node
  make_place
  if any_alive; then
    await_majority
  else
    node=$(most_advanced)
    say "$name: $node begins the cluster"
    allow_bootstrap "$node"
    start "$node" --wsrep-new-cluster
    await 60 "waiting for $node" synced "$node"
  fi
  for node in $(node_names); do
    if ! alive "$node"; then
      start "$node"
      await 120 "waiting for $node to take over the data" synced "$node"
    fi
  done
  await_ready 60
}

# state NODE: three words, like: Synced Primary 3
state() {
  local wanted="'wsrep_local_state_comment', 'wsrep_cluster_status', 'wsrep_cluster_size'" state size status
  { read -r _ size; read -r _ status; read -r _ state; } < <(
    mariadb_root "$(first_port "$1")" -e "SHOW GLOBAL STATUS WHERE Variable_name IN ($wanted)" | sort) || return 1
  echo "${state%% *} $status $size"
}

synced() { [[ $(state "$1") == "Synced Primary "* ]]; }
ready() { local node; for node in $(node_names); do [ "$(state "$node")" = "Synced Primary 3" ] || return 1; done; }

env_lines() {
  local port list=
  for port in $(nodes | awk '{ print $2 }'); do list+=,mysql://root:$(password mariadb)@127.0.0.1:$port; done
  echo "FANONE_TEST_GALERA=${list#,}"
}
