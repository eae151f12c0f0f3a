#!/bin/sh
# Starts a Redis of compose.yaml. Those of one set share one network, and say 127.0.0.1 to each other and to clients.
# Usage: redis-start.sh single|node|sentinel|cluster PORT
set -eu
umask 077
ports="13401 13402 13403 13404 13405 13406"

# What a living Sentinel says; else node 1.
primary() {
  for sentinel in 13391 13392 13393; do
    port=$(timeout 2 redis-cli -p $sentinel SENTINEL GET-MASTER-ADDR-BY-NAME mymaster 2>/dev/null | sed -n 2p) || true
    case $port in [0-9]*) echo "$port"; return ;; esac
  done
  echo 13381
}

# settings PORT: of every Redis that holds data
settings() {
  cat <<E
port $1
dir /data
save ""
requirepass $REDIS_PASSWORD
masterauth $REDIS_PASSWORD
E
}

sentinel_settings() {
  cat <<E
port $1
dir /data
protected-mode no
sentinel announce-ip 127.0.0.1
sentinel monitor mymaster 127.0.0.1 13381 2
sentinel auth-pass mymaster $REDIS_PASSWORD
sentinel down-after-milliseconds mymaster 2000
sentinel failover-timeout mymaster 10000
E
}

# Beside the first node, until all six answer; only once.
make_cluster() {
  addresses=
  for port in $ports; do
    until redis-cli -p "$port" PING 2>/dev/null | grep -q PONG; do sleep 1; done
    addresses="$addresses 127.0.0.1:$port"
  done
  ! redis-cli -p 13401 CLUSTER INFO | grep -q '^cluster_slots_assigned:16384' || return 0
  # shellcheck disable=SC2086 # a list of words
  redis-cli --cluster create $addresses --cluster-replicas 1 --cluster-yes
}

case $1 in
  single) settings "$2" >/data/redis.conf ;;
  node)
    settings "$2" >/data/redis.conf
    printf 'appendonly yes\nreplica-announce-ip 127.0.0.1\n' >>/data/redis.conf
    primary=$(primary)
    [ "$primary" = "$2" ] || echo "replicaof 127.0.0.1 $primary" >>/data/redis.conf
    ;;
  cluster)
    settings "$2" >/data/redis.conf
    cat >>/data/redis.conf <<E
appendonly yes
cluster-enabled yes
cluster-announce-ip 127.0.0.1
cluster-port $(($2 + 10))
cluster-node-timeout 2000
cluster-require-full-coverage no
E
    [ "$2" != 13401 ] || make_cluster &
    ;;
  sentinel)
    [ -s /data/sentinel.conf ] || sentinel_settings "$2" >/data/sentinel.conf
    exec docker-entrypoint.sh redis-server /data/sentinel.conf --sentinel
    ;;
  *) echo "unknown: $1" >&2; exit 2 ;;
esac
exec docker-entrypoint.sh redis-server /data/redis.conf
