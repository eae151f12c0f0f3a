# shellcheck shell=bash disable=SC2154
# milvus: a Milvus 2.3.5, the vector database, in one process with its own etcd, queue and storage, from the package of PyPI.
#
# Its one user is root, with a password of ours. It has no setting for the address that it listens on: all but its etcd
# listen on every interface.
milvus_version=2.3.5
milvus=$PWD/.cache/milvus/$milvus_version

needs() {
  echo python3 python3-venv
  echo curl curl
}

# gRPC and REST; then its components, its etcd (two), its metrics.
nodes() {
  local place ports=()
  for place in {530..541}; do ports+=($((base + place))); done
  echo ". ${ports[*]}"
}
port() { node_ports . | awk -v place="$1" '{ print $place }'; }

# The package holds the program compressed, and a template of its settings. Its Python part only starts the program, so
# it is not used: whoever stops that would leave the program running.
program() {
  [ ! -x "$milvus/bin/milvus" ] || return 0
  say "$name: installing Milvus $milvus_version, once: 130 MB"
  rm -rf "$milvus.new"
  python3 -m venv "$milvus.new"
  "$milvus.new/bin/pip" install --quiet --disable-pip-version-check --no-deps "milvus==$milvus_version"
  mkdir -p "$milvus/bin"
  "$milvus.new/bin/python" - "$milvus" <<'PYTHON'
import lzma, pathlib, shutil, sys
import milvus
data, to = pathlib.Path(milvus.__file__).parent / "data", pathlib.Path(sys.argv[1])
for packed in sorted((data / "bin").iterdir(), key=lambda path: path.name == "milvus.lzma"):
    with lzma.open(packed) as source, open(to / "bin" / packed.stem, "wb") as target:
        shutil.copyfileobj(source, target)
for name in ("config.yaml.template", "glog.conf"):
    shutil.copy(data / name, to)
(to / "bin" / "milvus").chmod(0o755)
PYTHON
  rm -rf "$milvus.new"
}

up() {
  start_missing
  await 60 "waiting for it" milvus_answers
  [ -e "$(node_dir .)/made" ] || milvus_lets_us_in || milvus_password
  : >"$(node_dir .)/made"
  await 120 "waiting until it makes collections" milvus_makes_collections
  await_ready 60
}

# The template's settings with our folder, ports and password. A stop that waits for its parts for half an hour is of no use here.
settings() {
  local -A values=([etcd_port]=$(port 10) [root_coord_port]=$(port 3) [proxy_port]=$(port 1) [proxy_internal_port]=$(port 2)
    [query_coord_port]=$(port 4) [query_node_port]=$(port 5) [index_coord_port]=$(port 6) [index_node_port]=$(port 7)
    [data_coord_port]=$(port 8) [data_node_port]=$(port 9) [authorization_enabled]=true [etcd_log_path]=$1/etcd.log
    [etcd_data_dir]=$1/data/etcd.data [local_storage_dir]=$1/data [rocksmq_data_dir]=$1/data/rocksmq [system_log_path]='""'
    [etcd_log_level]=warn [server_pem_path]='""' [server_key_path]='""' [ca_pem_path]='""' [tls_mode]=0)
  local key script=()
  for key in "${!values[@]}"; do script+=(-e "s#\{\{ *$key[ (:}][^}]*\}*\}#${values[$key]}#"); done
  sed -E "${script[@]}" -e 's/^( *gracefulStopTimeout:).*/\1 5/' -e 's/^( *ip:).*/\1 127.0.0.1/' -e 's/^( *level:) info.*/\1 warn/' \
    -e "s#^( *)embed: true.*#&\n  config:\n    path: $1/etcd.yaml#" "$milvus/config.yaml.template"
}

etcd_settings() {
  local client peer
  client=http://127.0.0.1:$(port 10) peer=http://127.0.0.1:$(port 11)
  printf '%s: %s\n' name default listen-client-urls "$client" advertise-client-urls "$client" listen-peer-urls "$peer" \
    initial-advertise-peer-urls "$peer" initial-cluster "default=$peer"
}

start() {
  local dir
  dir=$(cd "$(node_dir .)" && pwd)
  mkdir -p "$dir/configs" "$dir/data"
  cp "$milvus/glog.conf" "$dir/configs/"
  settings "$dir" >"$dir/configs/milvus.yaml"
  etcd_settings >"$dir/etcd.yaml"
  launch . env MILVUSCONF="$dir/configs" LD_LIBRARY_PATH="$milvus/bin" DEPLOY_MODE=STANDALONE METRICS_PORT="$(port 12)" \
    MILVUS_RUN_DIR="$dir/run" "$milvus/bin/milvus" run standalone
}

ready() { milvus_answers && milvus_lets_us_in; }
milvus_answers() { [ "$(curl --silent --fail --max-time 5 "http://127.0.0.1:$(port 12)/healthz")" = OK ]; }

milvus_lets_us_in() { milvus_rest collections 5; }

# It says that it is well, and lists collections, some 20 s before it makes one without a long wait.
milvus_makes_collections() {
  milvus_rest collections/create 10 --json '{"collectionName": "fanone_ready", "dimension": 2}' &&
    milvus_rest collections/drop 10 --json '{"collectionName": "fanone_ready"}'
}

# Asks as root, by REST: a path, the seconds it may take, and more for curl. The password goes by curl's input.
milvus_rest() {
  curl --silent --fail --max-time "$2" "${@:3}" --config - <<E | grep -q '"code":200'
user = "root:$(password milvus)"
url = "http://127.0.0.1:$(port 1)/v1/vector/$1"
E
}

# The password that it is born with goes. That can be asked for by gRPC alone: a length and a message of three texts.
milvus_password() {
  local old new
  old=$(printf Milvus | base64) new=$(printf %s "$(password milvus)" | base64 -w 0)
  {
    printf "\\0\\0\\0\\0\\x$(printf %x $((10 + ${#old} + ${#new})))"
    printf "\\x12\\x04root\\x1a\\x$(printf %x ${#old})%s\\x22\\x$(printf %x ${#new})%s" "$old" "$new"
  } | curl --silent --fail --max-time 10 --http2-prior-knowledge --output /dev/null --header 'content-type: application/grpc' \
    --header 'te: trailers' --header "authorization: $(printf root:Milvus | base64)" --data-binary @- \
    "http://127.0.0.1:$(port 1)/milvus.proto.milvus.MilvusService/UpdateCredential"
}

describe() { say "  a site on it: FANONE_VECTORS__URL=\$(sed -n s/^FANONE_TEST_MILVUS=//p $folder/env) fanone"; }

env_lines() { echo "FANONE_TEST_MILVUS=milvus://root:$(password milvus)@127.0.0.1:$(port 1)"; }
