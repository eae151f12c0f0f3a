# shellcheck shell=bash disable=SC2154
# The folder, the passwords, the ports and the file env. Sourced by scripts/servers.
#
# A server is one file, scripts/servers.d/NAME.sh, which defines
#   needs      what must be installed, a line each: COMMAND-OR-FILE PACKAGE
#   nodes      its processes, a line each: NODE PORT [PORT…]; NODE is "." where there is only one
#   start      starts the node $1 (with launch)
#   ready      succeeds once the whole server answers
#   env_lines  its lines of the file env
# and may define
#   program    installs what is in no package
#   up         where the nodes can't just be started side by side
#   describe   what to tell people once it is up

say() { printf '%s\n' "$*" >&2; }
die() { say "✗ $*"; exit 1; }

names() { local file; for file in scripts/servers.d/*.sh; do basename "$file" .sh; done; }

check_names() {
  local name
  for name; do
    if ! [[ $name =~ ^[a-z0-9]+$ && -f scripts/servers.d/$name.sh ]]; then
      die "no server is called '$name'; there are: $(names | tr '\n' ' ')"
    fi
  done
}

load() {
  name=$1
  # shellcheck disable=SC2317 # the file of the server may replace it
  up() { start_missing; await_ready 30; }
  # shellcheck disable=SC2317
  program() { :; }
  # shellcheck disable=SC2317
  describe() { :; }
  # shellcheck source=/dev/null
  . "scripts/servers.d/$name.sh"
}

# Sets folder and base. The base is kept in the folder, since data and grants hold ports.
open_folder() {
  local wanted=${FANONE_SERVERS_PORTS:-}
  folder=${FANONE_SERVERS_DIR:-.cache/servers}
  mkdir -p "$folder"
  folder=$(cd "$folder" && pwd -P)
  chmod 711 "$folder" # what other users run has to pass; what is secret has modes of its own
  base=${wanted:-13000}
  [ ! -s "$folder/ports" ] || base=$(<"$folder/ports")
  [ "${wanted:-$base}" = "$base" ] \
    || die "$folder was made for the ports from $base on: unset FANONE_SERVERS_PORTS, or choose another FANONE_SERVERS_DIR"
  [[ $base =~ ^[0-9]{4,5}$ && $base -ge 1024 && $base -le 31000 ]] \
    || die "FANONE_SERVERS_PORTS must be 1024 to 31000, below the ports of outgoing connections; it is '$base'"
  [ -s "$folder/ports" ] || echo "$base" >"$folder/ports"
}

# One up or down of a server at a time. Servers do not inherit this descriptor (launch).
lock() {
  exec 9>"$folder/.lock-$1"
  flock -w 300 9 || die "$1: another scripts/servers has been at work on it for 5 minutes"
}

node_dir() { if [ "$1" = . ]; then echo "$folder/$name"; else echo "$folder/$name/$1"; fi; }
node_ports() { nodes | awk -v node="$1" '$1 == node { $1 = ""; print }'; }
node_names() { nodes | awk '{ print $1 }'; }
first_port() { node_ports "$1" | awk '{ print $1 }'; }

# password NAME: made once, letters and digits only, so that it fits in a URL, an SQL string and a settings file.
password() {
  local file=$folder/passwords/$1
  if [ ! -s "$file" ]; then
    mkdir -p "$folder/passwords"
    od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$file.$$"
    ln "$file.$$" "$file" 2>/dev/null || true # keeps the one that another process made meanwhile
    rm -f "$file.$$"
  fi
  echo "$(<"$file")"
}

# The addresses of what runs. Replaced in one step, so that nobody reads half of it.
write_env() {
  local server
  exec 8>"$folder/.lock-env"
  flock -w 60 8 || die "the file env is locked by another scripts/servers"
  for server in $(names); do
    (load "$server"; any_alive && env_lines) || true
  done >"$folder/env.new"
  mv "$folder/env.new" "$folder/env"
  exec 8>&-
}
