# shellcheck shell=bash disable=SC2154
# mariadb: one MariaDB, durable, with a database and a least-privilege user for each service.
# shellcheck source=scripts/servers.d/lib/mariadb.sh
. "$lib/mariadb.sh"
services=(user video interaction social)

needs() { mariadb_needs; }
nodes() { echo ". $((base + 306))"; }

start() {
  local dir
  dir=$(node_dir .)
  mariadb_config "$dir" "$(first_port .)" "$(id -un)" \
    socket="$dir/my.sock" max-connections=500 innodb-buffer-pool-size=256M innodb-flush-log-at-trx-commit=1 skip-log-bin
  mariadb_install "$dir" "$(id -un)"
  launch . mariadbd --defaults-file="$dir/my.cnf"
}

answers() { mariadb_answers "$(first_port .)"; }
ready() { [ -s "$folder/migrate.toml" ] && answers; }

up() {
  start_missing
  await 60 "waiting for it" answers
  make_users
  write_settings fanone.toml service_user
  write_settings migrate.toml migration_user
  await_ready 10
}

# Safe to repeat, also beside a site that runs.
make_users() {
  local service host="'127.0.0.1'" rights="SELECT, INSERT, UPDATE, DELETE"
  {
    echo "CREATE USER IF NOT EXISTS fanone_migrate@$host; ALTER USER fanone_migrate@$host IDENTIFIED BY '$(password fanone_migrate)';"
    for service in "${services[@]}"; do
      cat <<E
CREATE DATABASE IF NOT EXISTS fanone_$service;
CREATE USER IF NOT EXISTS fanone_$service@$host; ALTER USER fanone_$service@$host IDENTIFIED BY '$(password "fanone_$service")';
GRANT $rights ON fanone_$service.* TO fanone_$service@$host;
GRANT $rights, CREATE, ALTER, DROP, INDEX, REFERENCES ON fanone_$service.* TO fanone_migrate@$host;
E
    done
  } | mariadb_root "$(first_port .)" || die "$name: could not make the databases and users"
}

service_user() { echo "fanone_$1"; }
migration_user() { echo fanone_migrate; }

# write_settings FILE NAME-OF-USER: a site on this MariaDB and on redis.
write_settings() {
  local service user
  {
    echo "# Written by scripts/servers: a site on its MariaDB and its Redis."
    for service in "${services[@]}"; do
      user=$("$2" "$service")
      printf '[%s]\ndatabase = "mysql://%s:%s@127.0.0.1:%s/fanone_%s"\n\n' "$service" "$user" "$(password "$user")" "$(first_port .)" "$service"
    done
    printf '[cache]\nurl = "redis://:%s@127.0.0.1:%s"\n' "$(password redis)" "$((base + 379))"
  } >"$folder/$1.$$"
  mv "$folder/$1.$$" "$folder/$1"
}

describe() {
  say "  a site on it (and on redis): fanone migrate --config $folder/migrate.toml"
  say "                         then: fanone --config $folder/fanone.toml"
}

env_lines() {
  echo "FANONE_TEST_MYSQL=mysql://root:$(password mariadb)@127.0.0.1:$(first_port .)"
  echo "FANONE_TEST_MYSQL_SOCKET=$(node_dir .)/my.sock"
}
