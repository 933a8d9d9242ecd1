#!/bin/sh
# SPDX-License-Identifier: Apache-2.0

# Runs benchmarks of the optimised build and adds what they print to bench/results/NAME.jsonl, each
# line with the date, the commit and the machine.
#
#   tools/bench.sh [NAME...]              all of them without a name
#   tools/bench.sh NAME -- [ARGUMENT...]  one with arguments of its own
#   tools/bench.sh up -- [ARGUMENT...]    `muster up --json` over real sockets; one that says to be
#                                         void is kept as such
#
# Figures are worth keeping only from a machine that does nothing else.
# Exit codes: 0 all ran, 1 one failed.

set -u
cd "$(dirname "$0")/.." || exit 1

folder=build/release/bench
arguments=
if [ $# -gt 1 ] && [ "$2" = -- ]; then
    name=$1
    shift 2
    arguments=$*
    set -- "$name"
fi
if [ $# -eq 0 ]; then
    # shellcheck disable=SC2046
    set -- $(find "$folder" -name 'muster-bench-*' -type f -perm -u+x | sed 's/.*muster-bench-//' |
        sort)
fi
machine=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1)
commit=$(git describe --always --abbrev=12)
git diff --quiet HEAD -- . ':!bench/results' || commit=$commit-dirty # other than by results
failed=0
mkdir -p bench/results

# The run's document on one line.
run_up() {
    # shellcheck disable=SC2086
    document=$(timeout 900 build/release/bin/muster up --json $arguments 2>/dev/null)
    case $document in
    *'"ticks"'*) ;;
    *) return 1 ;;
    esac
    echo "$document" | tr -d "\n" | tr -s " " |
        sed "s|^{ *|{\"bench\":\"up\",\"arguments\":\"$arguments\",|"
}

for name in "$@"; do
    # shellcheck disable=SC2086
    if [ "$name" = up ]; then
        lines=$(run_up)
    else
        lines=$(timeout 900 "$folder/muster-bench-$name" $arguments)
    fi
    code=$?
    if [ "$code" -ne 0 ]; then
        echo "muster-bench-$name ends with $code; nothing of it is kept" >&2
        failed=1
        continue
    fi
    echo "$lines" | sed "s|^{|{\"date\":\"$(date -u +%F)\",\"commit\":\"$commit\",\
\"machine\":\"$(nproc) x $machine\",|" | tee -a "bench/results/$name.jsonl"
done
exit "$failed"
