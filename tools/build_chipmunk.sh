#!/bin/sh
# SPDX-License-Identifier: Apache-2.0

# Builds the Chipmunk of this Debian from its source, with -O3 -DNDEBUG and the given flags, so that
# the physics benchmark has a peer that is built as well as Muster is.
#
#   tools/build_chipmunk.sh FOLDER [FLAG...]
#
# Leaves FOLDER/libchipmunk.so.7; LD_LIBRARY_PATH=FOLDER puts it before that of the distribution.
# The source comes with apt-get, into FOLDER alone: the system's own lists stay as they are.
# Exit codes: 0 built, 1 not, 2 usage, 3 a package is missing.

set -eu

if [ $# -lt 1 ]; then
    sed -n '/^# Builds/,/^$/s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
mkdir -p "$1"
folder=$(cd "$1" && pwd)
shift
"$(dirname "$0")/install_packages.sh" "$(dirname "$0")/../deps/bench.txt"

# Of the same version as the headers with which the benchmark is built.
version=$(dpkg-query -W -f '${source:Version}' libchipmunk-dev)
cd "$folder"
fetch_source() {
    suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    keys=/usr/share/keyrings/debian-archive-keyring.gpg
    echo "deb-src [signed-by=$keys] http://deb.debian.org/debian $suite main" >sources.list
    mkdir -p lists/partial archives/partial
    set -- -o Dir::Etc::SourceList="$folder/sources.list" -o Dir::Etc::SourceParts=- \
        -o Dir::State::Lists="$folder/lists" -o Dir::Cache="$folder"
    apt-get "$@" update && apt-get "$@" source "chipmunk=$version"
}
source_folder=chipmunk-${version%-*}
if [ ! -d "$source_folder" ] && ! fetch_source >source.log 2>&1; then
    cat source.log >&2
    exit 1
fi
gcc -std=gnu99 -O3 -DNDEBUG "$@" -fPIC -shared -w -Wl,-soname,libchipmunk.so.7 \
    -I "$source_folder/include" "$source_folder"/src/*.c -lm -lpthread -o libchipmunk.so.7
