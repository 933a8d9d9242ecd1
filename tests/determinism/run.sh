#!/bin/sh
# SPDX-License-Identifier: Apache-2.0

# Records a world with the first build and replays it: with the first build, every SIMD variant and
# 1, 2 and 4 workers; with every other build, the baseline alone and AVX2 with 4 workers. Every tick
# must have the same hash, to the last one. Then replays it with a build in which one float sum is
# in another order, which must be noticed.
#
#   tests/determinism/run.sh SECONDS BOTS BUILD_FOLDER...
#
# Exit codes: 0 all as it must be, 1 not, 2 usage.

set -u

if [ $# -lt 3 ]; then
    sed -n '/^# Records/,/^$/s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
seconds=$1
bots=$2
shift 2
first=$1

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
log=$folder/frames
passed=0
failed=0

# Prints what a replay says and compares its exit code with the one that must come; what is equal
# must be so to the end.
#   check EXPECTED PROGRAM BUILD VARIANT WORKERS
check() {
    said=$("$3/tests/determinism/$2" "$3/games/skirmish.so" "$log" "$4" "$5" 2>&1)
    code=$?
    verdict=ok
    if [ "$code" -eq 77 ]; then
        verdict=skipped
    elif [ "$code" -ne "$1" ]; then
        verdict="FAILED (exit code $code)"
        failed=$((failed + 1))
    elif [ "$code" -eq 0 ] && [ "$said" != "equal to tick $ticks" ]; then
        verdict='FAILED (not to the end)'
        failed=$((failed + 1))
    else
        passed=$((passed + 1))
    fi
    printf '%-20s %-28s %-8s %s workers: %s: %s\n' "$3" "$2" "$4" "$5" "$verdict" "$said"
}

recorded=$("$first/tests/determinism/determinism_record" "$first/games/skirmish.so" "$log" \
    "$seconds" "$bots" 1)
status=$?
echo "$recorded"
[ "$status" -eq 0 ] || exit 1
ticks=$(echo "$recorded" | awk '/^recorded / { print $2 }')
ls -l "$log" | awk '{ print "log of " $5 " bytes" }'

for variant in baseline avx2; do
    for workers in 1 2 4; do
        check 0 determinism_replay "$first" "$variant" "$workers"
    done
done
shift
for build in "$@"; do
    check 0 determinism_replay "$build" baseline 1
    check 0 determinism_replay "$build" avx2 4
done
check 4 determinism_replay_reordered "$first" baseline 1

echo "replays as they must be: $passed, not: $failed"
[ "$failed" -eq 0 ]
