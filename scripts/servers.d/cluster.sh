# shellcheck shell=bash disable=SC2154
# cluster: a Redis Cluster of three primaries, each with a replica.
# shellcheck source=scripts/servers.d/lib/redis.sh
. "$lib/redis.sh"

needs() { redis_needs; }

# NODE PORT PORT-BETWEEN-THE-NODES
nodes() { local i; for i in 1 2 3 4 5 6; do echo "c$i $((base + 400 + i)) $((base + 410 + i))"; done; }

# While one primary is gone, the keys of the others are still served.
start() {
  local port bus
  read -r port bus <<<"$(node_ports "$1")"
  launch_redis "$1" "$port" "appendonly yes" "cluster-enabled yes" "cluster-port $bus" \
    "cluster-node-timeout 2000" "cluster-require-full-coverage no"
}

answering() { local port; for port in $(nodes | awk '{ print $2 }'); do redis_answers "$port" || return 1; done; }

up() {
  local made=$folder/$name/made
  if [ ! -e "$made" ]; then # new, or broken off half-way
    stop_nodes
    rm -rf "${folder:?}/$name"
  fi
  start_missing
  await 30 "waiting for the nodes" answering
  if [ ! -e "$made" ]; then
    make_cluster
    : >"$made"
  fi
  await_ready 60
}

make_cluster() {
  local addresses
  mapfile -t addresses < <(nodes | awk '{ print "127.0.0.1:" $2 }')
  say "$name: the nodes become a cluster"
  REDISCLI_AUTH=$(password redis) timeout 60 redis-cli --cluster create "${addresses[@]}" --cluster-replicas 1 --cluster-yes \
    >"$folder/$name/made.log" 2>&1 || { tail -n 25 "$folder/$name/made.log" >&2; die "$name: the nodes did not become a cluster"; }
}

# Every node sees all slots served and three replicas that follow.
ready() {
  local port seen
  for port in $(nodes | awk '{ print $2 }'); do
    seen=$(printf '%s\n' 'CLUSTER INFO' 'CLUSTER NODES' 'INFO replication' | redis "$port" | tr -d '\r') || return 1
    [ "$(grep -cE '^cluster_(state:ok|slots_ok:16384|known_nodes:6|size:3)$' <<<"$seen")" = 4 ] || return 1
    [ "$(grep -cE ' (myself,)?(master|slave) .* connected( |$)' <<<"$seen")" = 6 ] || return 1
    grep -qE '^(connected_slaves:[1-9]|master_link_status:up)' <<<"$seen" || return 1
  done
}

env_lines() {
  local list
  list=$(nodes | awk '{ printf ",127.0.0.1:%s", $2 }')
  echo "FANONE_TEST_CLUSTER=redis+cluster://:$(password redis)@${list#,}"
}
