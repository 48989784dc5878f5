#!/usr/bin/env bash
# Compares training steps on one GPU with PyTorch's: same sizes and batch, bf16, fp32 weights and moments behind it.
#
# Needs: bench_gpu_step (cmake --preset cuda -DLAPIDARY_BENCH=ON && cmake --build --preset cuda), a Python with PyTorch 2
# that sees the GPU (named by PYTHON), and nobody else on the GPU.
#
# A variant of PyTorch is weights+attention+compile, as peers/torch_gpu_step.py has them. Where several are named, each
# runs once per size, and the fastest stays. Then ours and it take turns, ROUNDS times; medians, ratios and memory are
# printed at the end and kept in OUT. Sizes need, at 16 bytes a parameter and with activations: 7b 141 GB (H200), 3b
# 80 GB (H100), 1b 40 GB.
#
# Settings, with their defaults: PYTHON=python3 ROUNDS=3 SIZES=<7b, 3b or 1b: what the GPU has room for> STEPS=10
# BATCH=<7b, 3b: 4; 1b: 8; m: 32; s: 64> MICRO_BATCH=0 (as many sequences as fit) RECOMPUTE=nothing
# OURS= (further options of bench_gpu_step: --cudnn, --tune)
# VARIANTS="master+cudnn+model master+flash+model master+cudnn+blocks autocast+cudnn+model"
# BENCH=build/cuda/bench/bench_gpu_step OUT=build/cuda/compare
set -euo pipefail
cd "$(dirname "$0")/.."

PYTHON=${PYTHON:-python3} ROUNDS=${ROUNDS:-3} STEPS=${STEPS:-10} MICRO_BATCH=${MICRO_BATCH:-0}
VARIANTS=${VARIANTS:-master+cudnn+model master+flash+model master+cudnn+blocks autocast+cudnn+model}
BENCH=${BENCH:-build/cuda/bench/bench_gpu_step} OUT=${OUT:-build/cuda/compare}
[ -x "$BENCH" ] || { echo "compare_gpu: no $BENCH; build the preset cuda with -DLAPIDARY_BENCH=ON" >&2; exit 1; }
"$PYTHON" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' ||
    { echo "compare_gpu: $PYTHON has no torch that sees a GPU; set PYTHON" >&2; exit 1; }
mkdir -p "$OUT"
: >"$OUT/runs.jsonl"

memory=$(nvidia-smi --query-gpu=memory.total --format=csv,noheader,nounits | head -n 1)
if [ "$memory" -ge 130000 ]; then fits=7b; elif [ "$memory" -ge 78000 ]; then fits=3b; else fits=1b; fi
SIZES=${SIZES:-$fits}
batch_of() { case $1 in 7b | 3b) echo 4 ;; 1b) echo 8 ;; m) echo 32 ;; *) echo 64 ;; esac; }

# record NAME SIZE COMMAND...: runs the command; its last line, one JSON object, goes to runs.jsonl with the name.
record() {
    local name=$1 size=$2 line
    shift 2
    if ! line=$("$@" 2>"$OUT/stderr.txt" | tail -n 1); then
        echo "compare_gpu: $name failed:" >&2
        tail "$OUT/stderr.txt" >&2
        return 1
    fi
    printf '{"variant": "%s", "size": "%s", "result": %s}\n' "$name" "$size" "$line" >>"$OUT/runs.jsonl"
    printf '%s' "$line" | "$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["tokens/s"])' >"$OUT/last"
    printf '%-36s %s %8.0f tokens/s, %d s after the start\n' "$name" "$size" "$(cat "$OUT/last")" "$SECONDS" >&2
}

ours() {
    rm -f "$OUT/ours.json"
    "$BENCH" --preset "$1" --batch "${BATCH:-$(batch_of "$1")}" --micro-batch "$MICRO_BATCH" --steps "$STEPS" \
        --recompute "${RECOMPUTE:-nothing}" ${OURS:-} --json "$OUT/ours.json" >&2 && cat "$OUT/ours.json"
}
peer() {
    local weights attention compile
    IFS=+ read -r weights attention compile <<<"$2"
    "$PYTHON" bench/peers/torch_gpu_step.py "$1" --batch "${BATCH:-$(batch_of "$1")}" --micro-batch "$MICRO_BATCH" \
        --steps "$STEPS" --weights "$weights" --attention "$attention" --compile "$compile"
}

export PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True
read -ra variants <<<"$VARIANTS"
for size in $SIZES; do
    best=${variants[0]} best_rate=0
    for variant in "${variants[@]}"; do
        [ ${#variants[@]} -gt 1 ] || break
        record "try:$variant" "$size" peer "$size" "$variant" || continue
        if awk "BEGIN { exit !($(cat "$OUT/last") > $best_rate) }"; then best=$variant best_rate=$(cat "$OUT/last"); fi
    done
    for ((round = 0; round < ROUNDS; ++round)); do
        record lapidary "$size" ours "$size"
        record "PyTorch $best" "$size" peer "$size" "$best"
    done
done
"$PYTHON" bench/peers/summarize.py "$OUT/runs.jsonl" | tee "$OUT/summary.md"
