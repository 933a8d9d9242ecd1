#!/bin/sh
# SPDX-License-Identifier: Apache-2.0

# Installs a build to a prefix of its own and, in a folder outside the tree, builds a game and a
# program that hosts it, once through find_package(muster) and once through pkg-config:
#
#   tests/install/run.sh build/release

set -eu
build=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cmake --install "$build" --prefix "$folder/prefix" >/dev/null
cp "$here/CMakeLists.txt" "$here/host.c" "$folder/"
cp "$here/../../games/hello/hello.c" "$folder/game.c"

cmake -S "$folder" -B "$folder/build" -G Ninja -DCMAKE_PREFIX_PATH="$folder/prefix"
cmake --build "$folder/build"
"$folder/build/host" "$folder/build/game.so"

PKG_CONFIG_PATH=$(dirname "$(find "$folder/prefix" -name muster.pc)")
export PKG_CONFIG_PATH
cd "$folder"
# shellcheck disable=SC2046
cc -shared -fPIC -o game.so game.c $(pkg-config --cflags muster)
# shellcheck disable=SC2046
cc -o host host.c $(pkg-config --cflags --libs muster)
./host ./game.so

"$folder/prefix/bin/muster" --version
