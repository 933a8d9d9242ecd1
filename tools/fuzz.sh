#!/bin/sh
# SPDX-License-Identifier: Apache-2.0

# Runs one fuzz target of the fuzz preset for a while, from its committed corpus:
#
#   tools/fuzz.sh 60 build/fuzz/src/core/core_timer_wheel_fuzz
#
# What it finds interesting stays in build/log/fuzz/; on a crash the path of the input that
# caused it is printed, to be replayed by giving it to the same program.

set -eu
seconds=$1
program=$2
target=$(basename "$program" _fuzz)

found=build/log/fuzz/$target
corpus=fuzz/corpus/$target
log=$found.log
rm -rf "$found"
mkdir -p "$found"
[ -d "$corpus" ] || corpus=

status=0
# shellcheck disable=SC2086
timeout $((seconds + 60)) "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
    -artifact_prefix="$found/crash-input-" -print_final_stats=1 "$found" $corpus \
    >"$log" 2>&1 || status=$?
if [ "$status" -ne 0 ]; then
    echo "fuzz failed: $target (exit $status), all of it in $log"
    grep -hE 'SUMMARY|assertion failed|Test unit written' "$log" || true
    exit 1
fi
runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
echo "fuzz passed: $target, $runs runs"
