# shellcheck shell=bash disable=SC2154
# sentinel: a Redis primary with two replicas, and three Sentinels that put a replica in its place when it dies.
# shellcheck source=scripts/servers.d/lib/redis.sh
. "$lib/redis.sh"

needs() { redis_needs; }

# r1 is the primary until one of the others takes over.
nodes() {
  local i
  for i in 1 2 3; do echo "r$i $((base + 380 + i))"; done
  for i in 1 2 3; do echo "s$i $((base + 390 + i))"; done
}

start() {
  local port primary
  case $1 in
    r*)
      port=$(first_port "$1") primary=$(primary_port)
      if [ "$port" = "$primary" ]; then launch_redis "$1" "$port" "appendonly yes"
      else launch_redis "$1" "$port" "appendonly yes" "replicaof 127.0.0.1 $primary"; fi
      ;;
    s*) start_sentinel "$1" ;;
  esac
}

# A Sentinel keeps what it knows in its settings.
start_sentinel() {
  local dir
  dir=$(node_dir "$1")
  if [ ! -s "$dir/sentinel.conf" ]; then
    cat >"$dir/sentinel.conf.new" <<E
port $(first_port "$1")
bind 127.0.0.1
dir "$dir"
sentinel monitor mymaster 127.0.0.1 $(primary_port) 2
sentinel auth-pass mymaster $(password redis)
sentinel down-after-milliseconds mymaster 2000
sentinel failover-timeout mymaster 10000
sentinel parallel-syncs mymaster 1
E
    mv "$dir/sentinel.conf.new" "$dir/sentinel.conf"
  fi
  launch "$1" redis-server "$dir/sentinel.conf" --sentinel
}

sentinels() { nodes | awk '/^s/ { print $1 }'; }

# What a living Sentinel says, or else what the best informed one wrote down.
primary_port() {
  local node port
  for node in $(sentinels); do
    if alive "$node" && port=$(named_primary "$node") && [ -n "$port" ]; then echo "$port"; return; fi
  done
  for node in $(sentinels); do
    awk '$2 == "monitor" { port = $5 } $2 == "config-epoch" { epoch = $4 } END { if (port) print epoch + 0, port }' \
      "$(node_dir "$node")/sentinel.conf" 2>/dev/null || true
  done | sort -n | tail -n 1 | awk '{ print $2 } END { if (!NR) exit 1 }' || first_port r1
}

named_primary() { redis "$(first_port "$1")" SENTINEL GET-MASTER-ADDR-BY-NAME mymaster 2>/dev/null | sed -n 2p; }

# All Sentinels agree on a primary that has two replicas which follow it.
ready() {
  local node seen primary
  primary=$(primary_port)
  [ "$(redis "$primary" INFO replication | grep -cE '^role:master|^slave[01]:.*state=online')" = 3 ] || return 1
  for node in $(sentinels); do
    seen=$(printf 'SENTINEL %s mymaster\n' GET-MASTER-ADDR-BY-NAME CKQUORUM REPLICAS | redis "$(first_port "$node")") || return 1
    [[ $seen == "127.0.0.1"$'\n'"$primary"$'\n'"OK 3 "* ]] || return 1
    [ "$(grep -A 1 '^flags$' <<<"$seen" | grep -c '^slave$')" = 2 ] || return 1
  done
}

up() { start_missing; await_ready 60; }

env_lines() {
  local list
  list=$(nodes | awk '/^s/ { printf ",127.0.0.1:%s", $2 }')
  echo "FANONE_TEST_SENTINEL=redis+sentinel://:$(password redis)@${list#,}/mymaster"
}
