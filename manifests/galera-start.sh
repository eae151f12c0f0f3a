#!/usr/bin/env bash
# Starts node N (1 to 3) of compose.yaml's Galera cluster. All share one network, so that the ports tell them apart.
# Usage: galera-start.sh N
set -euo pipefail
n=$1
state=/var/lib/mysql/grastate.dat

another_lives() {
  local other
  for other in 1 2 3; do
    if [ "$other" != "$n" ] && (exec 3<>"/dev/tcp/127.0.0.1/1332$other") 2>/dev/null; then return 0; fi
  done
  return 1
}

# A new cluster begins at node 1, an old one at the node that ended last. After a crash of all, none is marked: they
# go on once all three have met again.
begins() {
  ! another_lives || return 1
  if [ -e "$state" ]; then grep -q '^safe_to_bootstrap: 1' "$state"; else [ "$n" = 1 ]; fi
}

# The times make the others go on about 3 s after a node was killed.
options="gmcast.listen_addr=tcp://127.0.0.1:1332$n;ist.recv_addr=127.0.0.1:1333$n;gcache.size=64M"
options+=";evs.keepalive_period=PT0.25S;evs.inactive_check_period=PT0.25S;evs.suspect_timeout=PT1S"
options+=";evs.inactive_timeout=PT3S;evs.install_timeout=PT3S"
arguments=(
  --port="1331$n" --max-connections=200 --innodb-buffer-pool-size=64M --innodb-flush-log-at-trx-commit=2
  --character-set-server=utf8mb4 --collation-server=utf8mb4_unicode_ci
  --binlog-format=ROW --default-storage-engine=InnoDB --innodb-autoinc-lock-mode=2
  --wsrep-on=ON --wsrep-provider=/usr/lib/galera/libgalera_smm.so --wsrep-cluster-name=fanone --wsrep-node-name="galera$n"
  "--wsrep-cluster-address=gcomm://127.0.0.1:13321,127.0.0.1:13322,127.0.0.1:13323"
  --wsrep-node-address="127.0.0.1:1332$n" --wsrep-node-incoming-address="127.0.0.1:1331$n"
  --wsrep-sst-method=rsync --wsrep-sst-receive-address="127.0.0.1:1334$n" --wsrep-slave-threads=2 --wsrep-retry-autocommit=4
  --wsrep-provider-options="$options"
)
if begins; then arguments+=(--wsrep-new-cluster); fi
exec docker-entrypoint.sh mariadbd "${arguments[@]}"
