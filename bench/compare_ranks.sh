#!/usr/bin/env bash
# Training steps on ranks beside one process with as many threads, in turns: what exchanging gradients costs.
#
# Needs: bench_ranks (cmake --preset bench && cmake --build --preset bench, with MPI found) and a quiet machine. Prints
# each run, then the median ratio of a round for each level of sharding.
#
# Settings, with their defaults: RANKS=<cores> ROUNDS=3 SIZE=M STEPS=6 ZERO="0 1 2 3" LANES=<ranks>
# BENCH=build/bench/bench/bench_ranks
set -euo pipefail
cd "$(dirname "$0")/.."
source tests/support/mpirun.sh

RANKS=${RANKS:-$(nproc)} ROUNDS=${ROUNDS:-3} SIZE=${SIZE:-M} STEPS=${STEPS:-6} ZERO=${ZERO:-0 1 2 3}
LANES=${LANES:-$RANKS} BENCH=${BENCH:-build/bench/bench/bench_ranks}
[ -x "$BENCH" ] || { echo "compare_ranks: no $BENCH; build the preset bench" >&2; exit 1; }

speed() { sed -n 's/.*"tokens\/s": \([0-9.]*\).*/\1/p' <<<"$1"; }
declare -A ratios
for ((round = 0; round < ROUNDS; ++round)); do
    for zero in $ZERO; do
        alone=$(LAPIDARY_THREADS=$RANKS launch 1 "$BENCH" "$SIZE" 0 "$STEPS" "$LANES")
        ranks=$(LAPIDARY_THREADS=1 launch "$RANKS" "$BENCH" "$SIZE" "$zero" "$STEPS" "$LANES")
        ratio=$(awk -v a="$(speed "$ranks")" -v b="$(speed "$alone")" 'BEGIN { printf "%.3f", a / b }')
        echo "one process $(speed "$alone") tokens/s, $RANKS ranks at ZeRO-$zero $(speed "$ranks"), ratio $ratio"
        ratios[$zero]+="$ratio "
    done
done
for zero in $ZERO; do
    median=$(tr ' ' '\n' <<<"${ratios[$zero]}" | grep . | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }')
    echo "ZeRO-$zero: $median of one process's tokens/s"
done
