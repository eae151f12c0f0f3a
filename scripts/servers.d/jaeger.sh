# shellcheck shell=bash disable=SC2154
# jaeger: Jaeger's all-in-one, which takes traces over OTLP and shows them. It keeps them in memory.
#
# It is built from its Go module, once: about 7 minutes of one processor.
jaeger_version=1.76.0
jaeger_tools=$PWD/.cache/jaeger/$jaeger_version
# shellcheck source=scripts/servers.d/lib/go.sh
. "$lib/go.sh"

needs() { echo python3 python3-venv; }
nodes() { echo ". $((base + 686)) $((base + 317)) $((base + 318)) $((base + 687)) $((base + 688)) \
  $((base + 689)) $((base + 690))"; }
port() { node_ports . | awk -v place="$1" '{ print $place }'; }

program() {
  local work
  [ ! -x "$jaeger_tools/all-in-one" ] || return 0
  say "$name: building it, once: this takes minutes"
  mkdir -p "$jaeger_tools"
  work=$(mktemp -d -p "$jaeger_tools")
  (cd "$work" && compile) >"$jaeger_tools/build.log" 2>&1 \
    || { tail -n 25 "$jaeger_tools/build.log" >&2; die "$name: it can't be built, see $jaeger_tools/build.log"; }
  mv "$work/all-in-one" "$jaeger_tools/all-in-one"
  rm -rf "$work"
}

# Its own go.mod replaces modules, which "go install" refuses; so it is built from a module with the same requirements.
compile() {
  local module=github.com/jaegertracing/jaeger source
  find_go || return 1
  export CGO_ENABLED=0 GOFLAGS=
  source=$(go mod download -json "$module@v$jaeger_version" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p') || return 1
  sed 's#^module .*#module jaeger-of-fanone#' "$source/go.mod" >go.mod && cp "$source/go.sum" go.sum && chmod u+w go.mod go.sum || return 1
  go mod edit -require "$module@v$jaeger_version" -tool "$module/cmd/all-in-one" || return 1
  go mod download "$module@v$jaeger_version" || return 1
  nice -n 5 go build -trimpath -ldflags="-s -w" -o all-in-one "$module/cmd/all-in-one"
}

start() {
  local at=127.0.0.1
  launch . env COLLECTOR_OTLP_ENABLED=true "$jaeger_tools/all-in-one" --log-level=warn --memory.max-traces=20000 \
    --query.http-server.host-port="$at:$(port 1)" --collector.otlp.grpc.host-port="$at:$(port 2)" \
    --collector.otlp.http.host-port="$at:$(port 3)" --query.grpc-server.host-port="$at:$(port 4)" \
    --admin.http.host-port="$at:$(port 5)" --collector.grpc-server.host-port="$at:$(port 6)" \
    --collector.http-server.host-port="$at:$(port 7)"
}

ready() { curl -fsS -o /dev/null "http://127.0.0.1:$(port 1)/api/services" && curl -fsS -o /dev/null "http://127.0.0.1:$(port 5)/"; }

env_lines() {
  echo "FANONE_TEST_OTLP=http://127.0.0.1:$(port 2)"
  echo "FANONE_TEST_JAEGER=http://127.0.0.1:$(port 1)"
}
