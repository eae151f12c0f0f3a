# shellcheck shell=bash disable=SC2154
# What redis, sentinel and cluster share.

redis_needs() {
  echo redis-server redis-server
  echo redis-cli redis-tools
}

# launch_redis NODE PORT [SETTING…]: the settings are lines of its redis.conf.
launch_redis() {
  local dir node=$1 port=$2
  shift 2
  dir=$(node_dir "$node")
  {
    printf '%s\n' "port $port" "bind 127.0.0.1" "dir \"$dir\"" 'save ""'
    printf 'requirepass %s\nmasterauth %s\n' "$(password redis)" "$(password redis)"
    printf '%s\n' "$@"
  } >"$dir/redis.conf"
  launch "$node" redis-server "$dir/redis.conf"
}

# redis PORT [COMMAND…]: without a command, those of its input. The password goes by the environment, which others can't read.
redis() {
  local port=$1
  shift
  REDISCLI_AUTH=$(password redis) timeout 5 redis-cli -h 127.0.0.1 -p "$port" "$@"
}

redis_answers() { [ "$(redis "$1" PING)" = PONG ]; }
