#!/bin/sh
# SPDX-License-Identifier: Apache-2.0

# Runs benchmarks of the optimised build and adds what they print to bench/results/NAME.jsonl, each
# line with the date, the commit and the machine.
#
#   tools/bench.sh [NAME...]     all of them without a name
#
# Figures are worth keeping only from a machine that does nothing else.
# Exit codes: 0 all ran, 1 one failed.

set -u
cd "$(dirname "$0")/.." || exit 1

folder=build/release/bench
if [ $# -eq 0 ]; then
    # shellcheck disable=SC2046
    set -- $(find "$folder" -name 'muster-bench-*' -type f -perm -u+x | sed 's/.*muster-bench-//' |
        sort)
fi
machine=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1)
commit=$(git describe --always --dirty --abbrev=12)
failed=0
mkdir -p bench/results
for name in "$@"; do
    lines=$(timeout 900 "$folder/muster-bench-$name")
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
