#!/usr/bin/env bash
# Checks for what the build and the tests need, and installs Debian packages when they are missing and it may.
set -euo pipefail

fail() {
    printf 'deps: %s\n' "$*" >&2
    exit 1
}

# Swift comes from swift.org and not from a package, so it is only looked for.
swift=${SWIFT:-swift}
command -v "$swift" >/dev/null 2>&1 || fail "swift is not on PATH; install Swift 6.3 or newer from https://www.swift.org/install/linux/"
version=$("$swift" --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\)\.\([0-9]*\).*/\1 \2/p' | head -n 1)
read -r major minor <<<"${version:-0 0}"
((major > 6 || (major == 6 && minor >= 3))) ||
    fail "Swift 6.3 or newer is needed, and $("$swift" --version 2>/dev/null | head -n 1) is installed; see https://www.swift.org/install/linux/"

# The newest PostgreSQL of which the server programs are here, 0 when there is none.
postgresql() {
    local newest=0 folder number
    for folder in /usr/lib/postgresql/*/bin; do
        number=$(basename "$(dirname "$folder")")
        if [[ $number =~ ^[0-9]+$ && -x $folder/initdb && -x $folder/postgres ]]; then
            ((number > newest)) && newest=$number
        fi
    done
    if ((newest == 0)) && command -v pg_config >/dev/null 2>&1 && [[ -x $(pg_config --bindir)/initdb ]]; then
        newest=$(pg_config --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
    fi
    echo "$newest"
}

missing() {
    local packages=()
    command -v pkg-config >/dev/null 2>&1 || packages+=(pkg-config)
    pkg-config --exists libpq 2>/dev/null || packages+=(libpq-dev)
    pkg-config --exists libcrypto 2>/dev/null || packages+=(libssl-dev)
    (($(postgresql) >= 15)) || packages+=(postgresql)
    echo "${packages[*]-}"
}

packages=$(missing)
[[ -z $packages ]] && exit 0

by_hand="install them and try again: apt-get install --no-install-recommends $packages (Debian 12 and its like have PostgreSQL 15)"
command -v apt-get >/dev/null 2>&1 || fail "missing, by their Debian names: $packages; this machine has no apt-get to install them with"
if ((EUID == 0)); then
    as_root=()
elif sudo -n true 2>/dev/null; then
    as_root=(sudo -n)
else
    fail "missing: $packages; $by_hand"
fi

printf 'deps: installing %s\n' "$packages" >&2
read -ra names <<<"$packages"
install() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${names[@]}" >&2
}
# The lists may be there already; they are fetched only when they do not do.
install || { "${as_root[@]}" apt-get update >&2 && install; } || fail "apt-get could not install $packages; $by_hand"

packages=$(missing)
[[ -z $packages ]] || fail "still missing after the installation: $packages; $by_hand"
