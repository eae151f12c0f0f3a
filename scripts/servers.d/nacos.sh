# shellcheck shell=bash disable=SC2154
# nacos: a Nacos 2.3.2 in Java with its console and authentication, a namespace and a user of our own.
#
# What the console's user "nacos" and our "fanone" may do is checked. Only its HTTP port is bound to 127.0.0.1: Nacos has no
# setting for the others.
nacos=.cache/nacos-2.3.2
# shellcheck source=scripts/servers.d/lib/nacos.sh
. "$lib/nacos.sh"

needs() {
  echo java default-jre-headless
  echo curl curl
  echo unzip unzip
  [ -d "$nacos" ] || echo mvn maven
}

# NODE HTTP GRPC GRPC-BETWEEN-SERVERS RAFT. Nacos puts the last three 1,000 above and below the first, so outside of our
# range: two ranges beside each other get different last digits.
nodes() {
  local http=$((base + 848 + base / 1000 % 3 * 2))
  echo ". $http $((http + 1000)) $((http + 1001)) $((http - 1000))"
}

start() {
  local dir jars opens=() package
  nacos_install
  dir=$(cd "$(node_dir .)" && pwd)
  jars=$(cd "$nacos" && pwd)
  nacos_config "$dir" "$jars"
  for package in java.io java.lang java.util sun.net.util; do opens+=(--add-opens "java.base/$package=ALL-UNNAMED"); done
  # hessian comes twice; the first on the path is the one that fits.
  launch . java -Xms256m -Xmx512m -Xmn128m "${opens[@]}" -Dnacos.standalone=true -Dnacos.home="$dir" -Dnacos.server.ip=127.0.0.1 \
    -Dnacos.member.list= -cp "$jars/hessian-4.0.63.jar:$jars/*" com.alibaba.nacos.Nacos \
    --spring.config.additional-location="file:$dir/conf/" --logging.config=
}

up() {
  start_missing
  await 180 "waiting for it" nacos_answers
  if [ ! -e "$(node_dir .)/made" ]; then
    nacos_make
    : >"$(node_dir .)/made"
  fi
  await_ready 60
}

ready() { nacos_answers && nacos_login fanone >/dev/null; }

describe() { say "  its console: http://127.0.0.1:$(first_port .)/nacos/ as nacos, with the password in $folder/passwords/nacos"; }

env_lines() {
  local place
  place=127.0.0.1:$(first_port .)
  echo "FANONE_TEST_NACOS=nacos://fanone:$(password nacos_fanone)@$place/fanone"
  echo "FANONE_TEST_NACOS_CONSOLE=http://nacos:$(password nacos)@$place/nacos"
}
