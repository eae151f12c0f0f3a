#!/usr/bin/env bash
# Runs once, when the volume of MariaDB is new: a database and a least-privilege user for each service, and the user of migrations.
set -euo pipefail
shopt -s inherit_errexit # a bad password ends it before any statement runs
rights="SELECT, INSERT, UPDATE, DELETE"

make_user() {
  local name=$1 password=$2
  [[ $password =~ ^[A-Za-z0-9._-]{12,}$ ]] || { echo "the password of $name: 12 or more letters, digits, . _ -" >&2; return 1; }
  echo "CREATE USER $name@'%' IDENTIFIED BY '$password';"
}

statements() {
  local service password
  make_user fanone_migrate "$FANONE_MIGRATE_PASSWORD"
  for service in user video interaction social; do
    password=FANONE_${service^^}_PASSWORD
    make_user "fanone_$service" "${!password}"
    echo "CREATE DATABASE fanone_$service;"
    echo "GRANT $rights ON fanone_$service.* TO fanone_$service@'%';"
    echo "GRANT $rights, CREATE, ALTER, DROP, INDEX, REFERENCES ON fanone_$service.* TO fanone_migrate@'%';"
  done
}

sql=$(statements)
MYSQL_PWD=$MARIADB_ROOT_PASSWORD mariadb --user=root <<<"$sql"
