# shellcheck shell=bash disable=SC2154
# prometheus: a Prometheus with the site's alerts. It collects from the processes that the files in its folder targets name.

needs() {
  echo prometheus prometheus
  echo promtool prometheus
}

nodes() { echo ". $((base + 90))"; }

# The settings for production, but for the pauses: whoever tests does not want to wait.
start() {
  local dir
  dir=$(node_dir .)
  mkdir -p "$dir/targets"
  sed 's/_interval: .*/_interval: 1s/' manifests/prometheus/prometheus.yml >"$dir/prometheus.yml"
  ln -sfn "$PWD/manifests/prometheus/alerts.yml" "$dir/alerts.yml"
  launch . prometheus --config.file="$dir/prometheus.yml" --storage.tsdb.path="$dir/data" --storage.tsdb.retention.time=1d \
    --web.listen-address="127.0.0.1:$(first_port .)" --web.enable-lifecycle
}

ready() { curl --silent --fail --max-time 5 "http://127.0.0.1:$(first_port .)/-/ready"; }

describe() {
  say "  a file such as $(node_dir .)/targets/site.json makes it collect from a site:"
  say '    [{"targets": ["127.0.0.1:8090"], "labels": {"role": "all"}}]'
}

env_lines() {
  echo "FANONE_TEST_PROMETHEUS=http://127.0.0.1:$(first_port .)"
  echo "FANONE_TEST_PROMETHEUS_TARGETS=$(node_dir .)/targets"
}
