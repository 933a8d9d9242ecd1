#!/bin/sh
# SPDX-License-Identifier: Apache-2.0

# Installs a build to a prefix of its own and builds a host program against it from a copy outside
# the tree, once through find_package(muster) and once through pkg-config:
#
#   tests/install/run.sh build/release

set -eu
build=$(cd "$1" && pwd)
sources=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cmake --install "$build" --prefix "$folder/prefix" >/dev/null
cp "$sources/CMakeLists.txt" "$sources/host.c" "$folder/"

cmake -S "$folder" -B "$folder/build" -G Ninja -DCMAKE_PREFIX_PATH="$folder/prefix"
cmake --build "$folder/build"
"$folder/build/host"

pc=$(find "$folder/prefix" -name muster.pc)
PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_PATH
# shellcheck disable=SC2046
cc -o "$folder/host" "$folder/host.c" $(pkg-config --cflags --libs muster)
"$folder/host"
echo "an installed Muster can be built against"
