#!/bin/sh
# SPDX-License-Identifier: Apache-2.0

# Installs what is missing of the Debian packages named in the given files, one name a line:
#
#   tools/install_packages.sh deps/build.txt deps/test.txt
#
# Prints nothing when all are there. Runs apt-get as root or with a sudo that asks nothing;
# otherwise prints the line to paste and exits 3. MUSTER_NO_INSTALL=1 never installs. A package
# that this distribution does not have is named and left out: what needs it says so later.

set -eu

is_installed() {
    status=$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) && [ "$status" = installed ]
}

# apt-cache knows a name as a package of its own or as one that others provide.
is_known() {
    [ -n "$(apt-cache --quiet=0 show --no-all-versions "$1" 2>/dev/null)" ]
}

if ! command -v dpkg-query >/dev/null; then
    echo "This system has no dpkg. Needed are these Debian packages, by whatever name they" \
        "have here:" >&2
    cat "$@" >&2
    exit 0
fi

missing=
for package in $(cat "$@"); do
    is_installed "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
    as_root='sudo '
fi
options='-y --no-install-recommends -o DPkg::Lock::Timeout=300'
line="${as_root}apt-get update && ${as_root}apt-get install $options$missing"
echo "Missing packages:$missing"
echo "    $line"
if [ "${MUSTER_NO_INSTALL:-0}" = 1 ]; then
    echo "MUSTER_NO_INSTALL=1: nothing is installed. Run the line above, then start again." >&2
    exit 3
fi
if [ -n "$as_root" ] && ! sudo -n true 2>/dev/null; then
    echo "Not root, and sudo wants a password. Run the line above, then start again." >&2
    exit 3
fi

run_as_root() {
    if [ -n "$as_root" ]; then
        sudo -n env DEBIAN_FRONTEND=noninteractive "$@"
    else
        DEBIAN_FRONTEND=noninteractive "$@"
    fi
}

mkdir -p build/log
log=build/log/packages.log
run_as_root apt-get -o DPkg::Lock::Timeout=300 update >"$log" 2>&1 ||
    echo "apt-get update failed; going on with the lists that are there." >&2

available=
for package in $missing; do
    if is_known "$package"; then
        available="$available $package"
    else
        echo "Not in this distribution, left out: $package" >&2
    fi
done
# shellcheck disable=SC2086
if [ -n "$available" ] && ! run_as_root apt-get install $options $available >>"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "Installing failed; all of it is in $log." >&2
    exit 3
fi
