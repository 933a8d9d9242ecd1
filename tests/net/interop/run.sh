#!/bin/sh
# SPDX-License-Identifier: Apache-2.0

# Runs our netcode against the Rust crate renetcode over real sockets, both ways round:
#
#   tests/net/interop/run.sh build/dev
#
# The crate comes from its registry, in the versions of Cargo.lock. Exit codes: 0 they understand
# each other, 1 they do not, 77 the crate cannot be built here (no registry, or an old cargo).

set -u
cd "$(dirname "$0")" || exit 1
root=$(cd ../../.. && pwd)
ours=$root/$1/tests/net/interop/netcode_peer
export CARGO_TARGET_DIR="$root/build/interop"

if ! timeout 120 cargo build --locked --quiet --manifest-path rust_peer/Cargo.toml; then
    echo 'cargo cannot build the crate renetcode here'
    exit 77
fi
theirs=$CARGO_TARGET_DIR/debug/rust_peer

passed=0
failed=0

# One direction: server, client, port.
meet() {
    address=127.0.0.1:$3
    "$1" server "$address" &
    server=$!
    sleep 0.5
    if "$2" client "$address" && wait "$server"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        kill "$server" 2>/dev/null
    fi
}

port=$((20000 + $$ % 20000))
meet "$ours" "$theirs" "$port"
meet "$theirs" "$ours" $((port + 1))
meet "$ours" "$ours" $((port + 2))
echo "netcode peers met: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
