#!/bin/sh
# SPDX-License-Identifier: Apache-2.0

# Installs a build to a prefix of its own and, in a folder outside the tree, builds a game, a
# program that hosts it and a client, once through find_package(muster) and once through pkg-config,
# and a client on the engines' library:
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
cp "$here/../../examples/client.c" "$folder/"

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
# shellcheck disable=SC2046
cc -o client client.c $(pkg-config --cflags --libs muster)

# The engines' library needs no other header, and brings what it needs.
cp "$here/../../sdk/c/example.c" engine.c
# shellcheck disable=SC2046
cc -o engine engine.c $(pkg-config --cflags --libs muster_client)
LD_LIBRARY_PATH=$(pkg-config --variable=libdir muster_client)
export LD_LIBRARY_PATH

# Nobody listens at port 1: all clients say so, and that is all that they can do here.
for client in ./client build/client ./engine; do
    said=$("$client" 127.0.0.1:1 2>&1) && exit 1
    case $said in *"cannot connect to TCP 127.0.0.1:1"*) ;; *) echo "$said" && exit 1 ;; esac
done

"$folder/prefix/bin/muster" --version
