#!/usr/bin/env bash
# Compares writing text with llama2.c's run.c on this machine: the same sizes, threads and weights, fp32, greedy.
#
# Needs: bench_decode (cmake --preset bench && cmake --build --preset bench), llama2.c's folder (named by LLAMA2C), which
# holds run.c and tokenizer.bin, a C compiler with OpenMP, and a quiet machine. The two take turns, ROUNDS times; medians
# and their ratio are printed.
#
# Settings, with their defaults: LLAMA2C=llama2.c ROUNDS=5 THREADS=<cores> SIZES="15M 110M" TOKENS=250
# BENCH=build/bench/bench/bench_decode OUT=build/bench/llama2c
set -euo pipefail
cd "$(dirname "$0")/.."

LLAMA2C=${LLAMA2C:-llama2.c} ROUNDS=${ROUNDS:-5} THREADS=${THREADS:-$(nproc)} SIZES=${SIZES:-15M 110M}
TOKENS=${TOKENS:-250} BENCH=${BENCH:-build/bench/bench/bench_decode} OUT=${OUT:-build/bench/llama2c}
[ -x "$BENCH" ] || { echo "compare_llama2c: no $BENCH; build the preset bench" >&2; exit 1; }
[ -f "$LLAMA2C/run.c" ] || { echo "compare_llama2c: no $LLAMA2C/run.c; set LLAMA2C" >&2; exit 1; }
mkdir -p "$OUT"
${CC:-cc} -Ofast -fopenmp -march=native "$LLAMA2C/run.c" -o "$OUT/run" -lm

median() { sort -g | awk '{ x[NR] = $1 } END { print x[int((NR + 1) / 2)] }'; }
for size in $SIZES; do
    : >"$OUT/ours.$size" && : >"$OUT/theirs.$size"
    for ((round = 0; round < ROUNDS; ++round)); do
        LAPIDARY_THREADS=$THREADS "$BENCH" "$size" "$TOKENS" "$OUT/$size.bin" | tee -a "$OUT/runs.jsonl" |
            sed 's|.*"tokens/s": \([0-9.]*\).*|\1|' >>"$OUT/ours.$size"
        OMP_NUM_THREADS=$THREADS "$OUT/run" "$OUT/$size.bin" -z "$LLAMA2C/tokenizer.bin" -t 0 -n "$TOKENS" 2>&1 |
            sed -n 's|.*achieved tok/s: ||p' >>"$OUT/theirs.$size"
    done
    ours=$(median <"$OUT/ours.$size") theirs=$(median <"$OUT/theirs.$size")
    echo "$size, $THREADS threads: lapidary $ours tokens/s, llama2.c $theirs tokens/s, ratio $(echo "$ours $theirs" |
        awk '{ printf "%.2f", $1 / $2 }'); $(tail -n 1 "$OUT/runs.jsonl" | sed 's|.*"bandwidth_fraction": \([0-9.]*\).*|\1|') of the read bandwidth"
done
