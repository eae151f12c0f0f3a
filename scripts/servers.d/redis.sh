# shellcheck shell=bash disable=SC2154
# redis: one Redis with a password that keeps nothing on disk.
# shellcheck source=scripts/servers.d/lib/redis.sh
. "$lib/redis.sh"

needs() { redis_needs; }
nodes() { echo ". $((base + 379))"; }

start() { launch_redis . "$(first_port .)" "appendonly no"; }

ready() { redis_answers "$(first_port .)"; }

env_lines() { echo "FANONE_TEST_REDIS=redis://:$(password redis)@127.0.0.1:$(first_port .)"; }
