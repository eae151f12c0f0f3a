# shellcheck shell=bash disable=SC2154
# Installing a Nacos, and what it is told over HTTP. Sourced by nacos.sh.

# Its jars, once for all folders of servers.
nacos_install() {
  local made=$nacos.$$
  [ ! -d "$nacos" ] || return 0
  say "$name: Maven fetches it (150 MB)"
  mkdir -p "$made"
  mvn -q -B -f "$lib/nacos.pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$(cd "$made" && pwd)" \
    >"$folder/$name/install.log" 2>&1 || { rm -rf "$made"; tail -n 25 "$folder/$name/install.log" >&2; die "$name: Maven failed"; }
  mv -T "$made" "$nacos" 2>/dev/null || rm -rf "$made" # another process was faster
}

# nacos_config DIR JARS
nacos_config() {
  mkdir -p "$1/conf"
  {
    unzip -p "$2/nacos-console-2.3.2.jar" application.properties
    echo
    printf '%s\n' "server.port=$(first_port .)" server.address=127.0.0.1 nacos.inetutils.ip-address=127.0.0.1
    printf 'nacos.core.auth.%s\n' enabled=true system.type=nacos server.identity.key=fanone "server.identity.value=$(password nacos_identity)" \
      "plugin.nacos.token.secret.key=$(password nacos_token | base64 -w 0)" plugin.nacos.token.expire.seconds=18000
    printf 'db.pool.config.%s\n' connectionTimeout=60000 validationTimeout=10000 # a busy machine
  } >"$1/conf/application.properties"
}

# nacos_call METHOD PATH [FORM]: the token and the form go by the input, which others can't read.
nacos_call() {
  printf 'header = "Authorization: Bearer %s"\ndata = "%s"\n' "${token:-}" "${3:-}" \
    | curl -fsS --max-time 10 --get -X "$1" -K - "http://127.0.0.1:$(first_port .)/nacos/v1/$2"
}

nacos_answers() { nacos_call GET console/health/readiness; }

# nacos_login USER [PASSWORD]: the token.
nacos_login() {
  local user=$1 secret=${2:-}
  [ -n "$secret" ] || secret=$(password "$(nacos_secret "$user")")
  nacos_call POST auth/login "username=$user&password=$secret" | sed -n 's/.*"accessToken":"\([^"]*\)".*/\1/p' | grep .
}

nacos_secret() { if [ "$1" = nacos ]; then echo nacos; else echo "nacos_$1"; fi; }

# The administrator gets a password; then the namespace, and a user who may read and write there only. Safe to repeat.
nacos_make() {
  local token=
  await 60 "waiting until somebody can log in" nacos_any_login
  if token=$(nacos_login nacos nacos 2>/dev/null); then
    nacos_call PUT auth/users "username=nacos&newPassword=$(password nacos)" >/dev/null || die "$name: the administrator got no password"
  fi
  await 60 "waiting for the administrator" nacos_login nacos
  token=$(nacos_login nacos)
  nacos_call POST console/namespaces "customNamespaceId=fanone&namespaceName=fanone&namespaceDesc=FanOne" >/dev/null || true
  nacos_call POST auth/users "username=fanone&password=$(password nacos_fanone)" >/dev/null || true
  nacos_call POST auth/roles "username=fanone&role=fanone" >/dev/null || true
  nacos_call POST auth/permissions "role=fanone&resource=fanone:*:*&action=rw" >/dev/null || true
  await 60 "waiting for its user" nacos_login fanone
}

nacos_any_login() { nacos_login nacos nacos || nacos_login nacos; }
