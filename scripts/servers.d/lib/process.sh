# shellcheck shell=bash disable=SC2154
# Starting, watching and ending the processes of one server. Sourced by scripts/servers.

# When the process $1 started; nothing if it has ended. With its id it names a process for good: ids are used again.
start_time() {
  local stat
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  read -r -a stat <<<"${stat##*) }"
  [ "${stat[0]}" != Z ] && echo "${stat[19]}"
}

alive() {
  local dir pid
  dir=$(node_dir "$1")
  [ -s "$dir/pid" ] && [ -s "$dir/started" ] && pid=$(<"$dir/pid") && [ "$(start_time "$pid")" = "$(<"$dir/started")" ]
}

any_alive() { local node; for node in $(node_names); do ! alive "$node" || return 0; done; return 1; }
all_alive() { local node; for node in $(node_names); do alive "$node" || return 1; done; }

# launch NODE COMMAND…: in a session of its own, so that it outlives the terminal and this script.
launch() {
  local dir node=$1 pid
  shift
  dir=$(node_dir "$node")
  check_ports "$node"
  [ ! -e "$dir/log" ] || mv "$dir/log" "$dir/log.old"
  (cd "$dir" && close_others && exec setsid "$@" </dev/null >"$dir/log" 2>&1) &
  pid=$!
  disown # the shell would tell of its end
  start_time "$pid" >"$dir/started" || true
  echo "$pid" >"$dir/pid"
  say "$(label "$node"): starts on 127.0.0.1:$(first_port "$node")"
}

# A server must not hold what this script or its caller has open: a lock, or a pipe that somebody reads to its end.
close_others() {
  local fd
  for fd in "/proc/$BASHPID/fd"/*; do
    fd=${fd##*/}
    [ "$fd" -le 2 ] || eval "exec $fd>&-"
  done
}

label() { if [ "$1" = . ]; then echo "$name"; else echo "$name/$1"; fi; }

check_ports() {
  local port
  for port in $(node_ports "$1"); do
    soon_free "$port" || die "$(label "$1"): port $port is taken$(port_owner "$port"): end that, or set another FANONE_SERVERS_DIR and FANONE_SERVERS_PORTS"
  done
}

# What a killed node had started itself may hold a port for some seconds more.
soon_free() {
  local tries
  for ((tries = 0; tries < 50; tries++)); do
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null || return 0
    sleep 0.1
  done
  return 1
}

port_owner() {
  local owner=
  ! command -v ss >/dev/null || owner=$(ss -Hltnp "sport = :$1" | sed -n 's/.*users:((\("[^"]*",pid=[0-9]*\).*/\1/p' | head -n 1)
  [ -z "$owner" ] || echo " by $owner"
}

start_missing() {
  local node
  for node in $(node_names); do
    if ! alive "$node"; then
      mkdir -p "$(node_dir "$node")"
      start "$node"
    fi
  done
}

# await SECONDS WHAT COMMAND…: until the command succeeds; what was started must stay alive meanwhile.
await() {
  local limit=$1 what=$2 begun=$SECONDS told=0 node
  shift 2
  until "$@" >/dev/null 2>&1; do
    for node in $(node_names); do
      if [ -e "$(node_dir "$node")/pid" ] && ! alive "$node"; then show_log "$node"; die "$(label "$node") ended"; fi
    done
    if [ $((SECONDS - begun)) -ge "$limit" ]; then
      for node in $(node_names); do show_log "$node"; done
      die "$name: $what: not within $limit s"
    fi
    if [ $((SECONDS - begun - told)) -ge 5 ]; then told=$((SECONDS - begun)); say "$name: $what ($told s)"; fi
    sleep 0.1
  done
}

await_ready() {
  local begun=$SECONDS
  await "$1" "waiting until it is ready" ready
  say "✓ $name is ready ($((SECONDS - begun)) s)"
}

show_log() {
  local log
  log=$(node_dir "$1")/log
  [ ! -s "$log" ] || { say "── the end of $log"; tail -n 25 "$log" >&2; }
}

forget_dead() {
  local node
  for node in $(node_names); do alive "$node" || rm -f "$(node_dir "$node")"/{pid,started}; done
}

# In the reverse order of the start.
stop_nodes() {
  local node
  for node in $(node_names | tac); do
    if alive "$node"; then stop_node "$node"; fi
    rm -f "$(node_dir "$node")"/{pid,started}
  done
}

# Politely, then by force; then what it had started itself (a transfer between nodes).
stop_node() {
  local node=$1 pid tries
  pid=$(<"$(node_dir "$node")/pid")
  kill -TERM "$pid" 2>/dev/null || true
  kill -CONT "$pid" 2>/dev/null || true # a stopped process can't end
  for ((tries = 0; tries < 200; tries++)); do
    alive "$node" || break
    sleep 0.1
  done
  if alive "$node"; then
    say "$(label "$node"): did not end in 20 s, killed"
    kill -KILL "$pid" 2>/dev/null || true
    while alive "$node"; do sleep 0.1; done
  fi
  kill -KILL -- "-$pid" 2>/dev/null || true
  say "$(label "$node"): ended"
}

# status [NAME…]: fails if one that was named is not up.
status() {
  local server failed=0 wanted=("$@")
  [ $# -gt 0 ] || mapfile -t wanted < <(names)
  printf '%-10s %-10s %-9s %8s %6s\n' NAME NODE STATE PID PORT
  for server in "${wanted[@]}"; do (load "$server"; status_one) || failed=1; done
  [ $# -eq 0 ] || return "$failed"
}

status_one() {
  local node pid state=up shown
  ! all_alive || ready >/dev/null 2>&1 || state=unready
  for node in $(node_names); do
    pid=- shown=down
    if alive "$node"; then pid=$(<"$(node_dir "$node")/pid") shown=$state; fi
    printf '%-10s %-10s %-9s %8s %6s\n' "$name" "$node" "$shown" "$pid" "$(first_port "$node")"
  done
  all_alive && [ "$state" = up ]
}
