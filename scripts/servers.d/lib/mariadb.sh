# shellcheck shell=bash disable=SC2154
# What mariadb and galera share.

mariadb_needs() {
  echo mariadbd mariadb-server
  echo mariadb-install-db mariadb-server
  echo mariadb-admin mariadb-client
}

# mariadb_config DIR PORT USER [SETTING…]
mariadb_config() {
  local dir=$1 port=$2 user=$3
  shift 3
  [ ${#dir} -lt 95 ] || die "$name: the path $dir is too long for a socket: choose a shorter FANONE_SERVERS_DIR"
  {
    printf '%s\n' '[mariadbd]' "user=$user" "datadir=$dir/data" "tmpdir=$dir/tmp" "pid-file=$dir/data/mariadbd.pid"
    printf '%s\n' bind-address=127.0.0.1 "port=$port" skip-name-resolve performance-schema=OFF
    printf '%s\n' character-set-server=utf8mb4 collation-server=utf8mb4_unicode_ci
    printf '%s\n' "$@"
  } >"$dir/my.cnf"
}

# mariadb_install DIR USER: the system tables, and root with its password before anybody can connect. All or nothing.
# --force: also where the name of the machine has no address.
mariadb_install() {
  local dir=$1 user=$2
  mkdir -p "$dir/tmp" # of its own: a MariaDB that starts empties it, and so would break one that runs
  [ "$(id -u)" -ne 0 ] || chown "$user" "$dir/tmp"
  [ ! -d "$dir/data" ] || return 0
  say "$name: makes its data folder"
  rm -rf "$dir/data.new"
  cat >"$dir/init.sql" <<E
DELETE FROM mysql.global_priv WHERE User = '' OR (User = 'root' AND Host NOT IN ('localhost', '127.0.0.1'));
FLUSH PRIVILEGES;
CREATE USER IF NOT EXISTS root@'127.0.0.1';
GRANT ALL PRIVILEGES ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;
ALTER USER root@'127.0.0.1' IDENTIFIED BY '$(password mariadb)';
ALTER USER root@localhost IDENTIFIED BY '$(password mariadb)';
E
  mariadb-install-db --no-defaults --user="$user" --datadir="$dir/data.new" --tmpdir="$dir/tmp" --auth-root-authentication-method=normal \
    --skip-test-db --force --extra-file="$dir/init.sql" >"$dir/log" 2>&1 || { tail -n 25 "$dir/log" >&2; die "$name: mariadb-install-db failed"; }
  rm -f "$dir/init.sql"
  mv "$dir/data.new" "$dir/data"
}

# mariadb_root PORT [ARGUMENT…]: as root; the password goes by a file that others can't read.
mariadb_root() {
  local port=$1
  shift
  client_file
  timeout 20 mariadb --defaults-file="$folder/passwords/client.cnf" --port="$port" --batch --skip-column-names "$@"
}

mariadb_answers() {
  client_file
  timeout 5 mariadb-admin --defaults-file="$folder/passwords/client.cnf" --port="$1" --connect-timeout=3 status >/dev/null
}

client_file() {
  local file=$folder/passwords/client.cnf
  [ ! -s "$file" ] || return 0
  printf '[client]\nuser=root\npassword=%s\nhost=127.0.0.1\nprotocol=tcp\n' "$(password mariadb)" >"$file.$$"
  mv "$file.$$" "$file"
}
