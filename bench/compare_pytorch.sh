#!/usr/bin/env bash
# Compares training steps with PyTorch's on this machine: same sizes, threads, batch, fp32.
#
# Needs: bench_train_step (cmake --preset bench && cmake --build --preset bench), a Python with PyTorch 2 (named by
# PYTHON), and a quiet machine. For PyTorch's best settings: libtcmalloc-minimal4 and libjemalloc2 where installed (an
# allocator that keeps its memory is worth much to PyTorch), and a C++ compiler for torch.compile.
#
# First each tuned variant of PyTorch runs once per size, and the fastest stays. Then ours, PyTorch as installed and
# PyTorch tuned take turns, ROUNDS times; medians, ratios and memory are printed at the end and kept in OUT.
#
# Settings, with their defaults: PYTHON=python3 ROUNDS=5 THREADS=<cores> SIZES="S M" STEPS=8 MICRO_BATCH=0 (whole batch)
# BENCH=build/bench/bench/bench_train_step OUT=build/bench/compare
set -euo pipefail
cd "$(dirname "$0")/.."

PYTHON=${PYTHON:-python3} ROUNDS=${ROUNDS:-5} THREADS=${THREADS:-$(nproc)} SIZES=${SIZES:-S M} STEPS=${STEPS:-8}
BENCH=${BENCH:-build/bench/bench/bench_train_step} OUT=${OUT:-build/bench/compare}
[ -x "$BENCH" ] || { echo "compare_pytorch: no $BENCH; build the preset bench" >&2; exit 1; }
"$PYTHON" -c 'import torch' || { echo "compare_pytorch: $PYTHON has no torch; set PYTHON" >&2; exit 1; }
mkdir -p "$OUT"
: >"$OUT/runs.jsonl"

library() { ldconfig -p | awk -v name="$1" '$1 ~ name { print $NF; exit }'; }
tcmalloc=$(library '^libtcmalloc_minimal\\.so')
jemalloc=$(library '^libjemalloc\\.so')

# record NAME SIZE COMMAND...: runs the command; its last line, one JSON object, goes to runs.jsonl with the name.
record() {
    local name=$1 size=$2 line
    shift 2
    if ! line=$("$@" 2>"$OUT/stderr.txt" | tail -n 1); then
        echo "compare_pytorch: $name failed:" >&2
        tail "$OUT/stderr.txt" >&2
        return 1
    fi
    printf '{"variant": "%s", "size": "%s", "result": %s}\n' "$name" "$size" "$line" >>"$OUT/runs.jsonl"
    printf '%s' "$line" | "$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["tokens/s"])' >"$OUT/last"
    printf '%-24s %s %8.0f tokens/s\n' "$name" "$size" "$(cat "$OUT/last")" >&2
}

ours() {
    LAPIDARY_THREADS=$THREADS LAPIDARY_STEPS=$STEPS "$BENCH" --benchmark_format=json \
        --benchmark_filter="/$1/micro_batch:${MICRO_BATCH:-0}/" |
        "$PYTHON" -c 'import json, sys; print(json.dumps(json.load(sys.stdin)["benchmarks"][0]))'
}
peer() {
    OMP_NUM_THREADS=$THREADS "$PYTHON" bench/peers/torch_train_step.py "$1" --threads "$THREADS" --steps "$STEPS" "${@:2}"
}

# tuned VARIANT SIZE, where a variant is an allocator, "+compile" after it or not.
tuned() {
    local settings=(OMP_PROC_BIND=close OMP_PLACES=cores) flags=(--optimizer fused)
    case $1 in
        tcmalloc*) settings+=(LD_PRELOAD="$tcmalloc") ;;
        jemalloc*)
            settings+=(LD_PRELOAD="$jemalloc")
            settings+=(MALLOC_CONF="thp:always,dirty_decay_ms:-1,muzzy_decay_ms:-1,retain:true") ;;
    esac
    case $1 in *+compile) flags+=(--compile) ;; esac
    (export "${settings[@]}" && peer "$2" "${flags[@]}")
}

variants=(malloc malloc+compile)
[ -n "$tcmalloc" ] && variants+=(tcmalloc tcmalloc+compile)
[ -n "$jemalloc" ] && variants+=(jemalloc jemalloc+compile)
for size in $SIZES; do
    best='' best_rate=0
    for variant in "${variants[@]}"; do
        record "try:$variant" "$size" tuned "$variant" "$size" || continue
        if awk "BEGIN { exit !($(cat "$OUT/last") > $best_rate) }"; then best=$variant best_rate=$(cat "$OUT/last"); fi
    done
    [ -n "$best" ] || { echo "compare_pytorch: no variant of PyTorch ran" >&2; exit 1; }
    for ((round = 0; round < ROUNDS; ++round)); do
        record lapidary "$size" ours "$size"
        record "PyTorch as installed" "$size" peer "$size"
        record "PyTorch $best" "$size" tuned "$best" "$size"
    done
done
"$PYTHON" bench/peers/summarize.py "$OUT/runs.jsonl" | tee "$OUT/summary.md"
