# shellcheck shell=bash disable=SC2154
# Installs what a server needs, from Debian's packages. Sourced by scripts/servers.
PATH=$PATH:/usr/sbin:/sbin

missing_packages() {
  local thing package
  needs | while read -r thing package; do
    command -v "$thing" >/dev/null || [ -e "$thing" ] || echo "$package"
  done | sort -u
}

install_needs() {
  local packages
  mapfile -t packages < <(missing_packages)
  [ ${#packages[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || die "$name: install ${packages[*]} (Debian's names of the packages; there is no apt-get here)"
  say "$name: installing ${packages[*]}"
  apt_install "${packages[@]}" || die "$name: apt-get failed: install ${packages[*]} by hand"
  end_services "${packages[@]}"
  mapfile -t packages < <(missing_packages)
  [ ${#packages[@]} -eq 0 ] || die "$name: still missing after the installation: ${packages[*]}"
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else say "only root may install packages, and there is no sudo"; return 1; fi
}

apt_install() {
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300)
  compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null || as_root "${apt[@]}" update >&2 || return 1
  as_root "${apt[@]}" install --yes --no-install-recommends "$@" >/dev/null && return
  say "once more, with new lists of packages"
  as_root "${apt[@]}" update >&2 && as_root "${apt[@]}" install --yes --no-install-recommends "$@" >/dev/null
}

# Debian starts a service as soon as its package is installed. What was there before is left alone.
end_services() {
  local package service
  for package; do
    case $package in mariadb-server) service=mariadb ;; redis-server | redis-sentinel | prometheus) service=$package ;; *) continue ;; esac
    if [ -d /run/systemd/system ]; then as_root systemctl --quiet disable --now "$service" || true
    elif [ -x "/etc/init.d/$service" ]; then as_root "/etc/init.d/$service" stop >/dev/null 2>&1 || true; fi
  done
}

# cargo_install CRATE VERSION BINARY [ARGUMENT…]: builds a program of crates.io once, in .cache/cargo. With little optimisation:
# tests wait for the build, not for the program.
cargo_install() {
  local crate=$1 version=$2 binary=$3
  shift 3
  [ ! -x "$binary" ] || return 0
  say "$name: building $crate $version (some minutes, once)"
  CARGO_PROFILE_RELEASE_OPT_LEVEL=1 cargo install --quiet --locked --root "${binary%/bin/*}" "$crate" --version "$version" "$@" \
    || die "$name: cargo could not install $crate"
}
