#!/usr/bin/env bash
# All that needs a GPU, in one go: builds, then does the parts below: the checks (a b c f) side by side, then what is timed
# (d e), each alone. A part that fails or takes too long does not stop the others; the end says PASS or FAIL for each, and
# the exit code is that of all.
#
#   a  tests of the CUDA device and its operations
#   b  the same bits: a run of `pretrain` twice, stopped and resumed, at each level of recomputation, with graphs and not
#   c  compute-sanitizer on the tests: memcheck, racecheck, initcheck
#   d  every operation beside what this GPU copies and multiplies (bench_gpu_ops)
#   e  training steps beside PyTorch's (compare_gpu.sh)
#   f  200 steps in bf16 on the GPU and in fp32 on the CPU: losses within 0.5 %
#
#   PARTS="a d" bash bench/measure_gpu.sh        only these; what is built stays
#
# Settings, with their defaults: PARTS="a b c d e f" OUT=build/gpu (at most eight files) BUILD=build/gpu/build PYTHON=python3
# LIMIT=0 (seconds for all parts; 0: no limit). DEPS: a folder with include/, lib/ and the packages' CMake files, on a
# machine without a package manager; carry_gpu.sh makes it. Programs in DEPS/bin that run here are not built again.
# DATA=<DEPS/data, or the bundled corpus, prepared here>: chunks of 128 tokens. Those of compare_gpu.sh: SIZES, STEPS, ...,
# with ROUNDS=2 and VARIANTS="master+cudnn+blocks master+flash+blocks".
set -euo pipefail
cd "$(dirname "$0")/.."

export OUT=${OUT:-build/gpu} BUILD=${BUILD:-build/gpu/build} PYTHON=${PYTHON:-python3}
export DEPS=${DEPS:+$(realpath "$DEPS")} DATA=${DATA:-} ROUNDS=${ROUNDS:-2}
export VARIANTS=${VARIANTS:-master+cudnn+blocks master+flash+blocks}
PARTS=${PARTS:-a b c d e f} LIMIT=${LIMIT:-0} all=0
mkdir -p "$OUT" "$BUILD/parts"
rm -f "$OUT"/{log.txt,summary.txt,ops.jsonl,ops_tuned.jsonl,steps.jsonl,steps.md,losses.csv} "$BUILD/parts/ops.txt"

nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.sm,power.limit --format=csv,noheader |
    tee "$OUT/summary.txt" || echo "measure_gpu: nvidia-smi does not answer" >&2

# run PART SECONDS TITLE: the part's output goes to the log when it has ended.
run() {
    local seconds=$2 start=$SECONDS code=0 verdict=PASS output=$BUILD/parts/$1.log
    if [ "$LIMIT" -gt 0 ] && [ $((LIMIT - SECONDS)) -lt "$seconds" ]; then seconds=$((LIMIT - SECONDS)); fi
    echo "== $1: $3" >"$output"
    if [ "$seconds" -gt 5 ]; then
        timeout --kill-after=5 "$seconds" bash bench/gpu_parts.sh "$1" >>"$output" 2>&1 || code=$?
    else
        code=124
    fi
    if [ "$code" -ne 0 ]; then
        verdict=FAIL
        [ "$code" -eq 124 ] && verdict="FAIL (stopped)"
        tail -n 25 "$output"
    fi
    cat "$output" >>"$OUT/log.txt"
    echo "$1  $verdict  $((SECONDS - start)) s  $3" | tee -a "$OUT/summary.txt"
    return "$code"
}
part() {
    case $1 in
        a) run a 200 "tests on the GPU" ;;
        b) run b 150 "the same bits" ;;
        c) run c 260 "compute-sanitizer" ;;
        d) run d 150 "operations" ;;
        e) run e 900 "training steps beside PyTorch's" ;;
        f) run f 150 "losses in bf16 beside fp32" ;;
        *) echo "measure_gpu: there is no part '$1'" >&2 && return 1 ;;
    esac
}

run build 600 "building" || all=1
checks=()
for name in $PARTS; do  # what times nothing runs side by side, and first
    case $name in [de]) ;; *) part "$name" & checks+=($!) ;; esac
done
for check in "${checks[@]}"; do wait "$check" || all=1; done
for name in $PARTS; do
    case $name in [de]) part "$name" || all=1 ;; esac
done

printf '\n== Results\n'
[ ! -e "$BUILD/parts/ops.txt" ] || cat "$BUILD/parts/ops.txt"
[ ! -e "$OUT/steps.md" ] || cat "$OUT/steps.md"
grep -hE '^(recompute|again|resumed|no_graphs|fp32_again|memcheck|racecheck|initcheck|[0-9]+ steps, last losses)' "$OUT/log.txt" || true
printf '\n== Summary\n' && cat "$OUT/summary.txt"
exit $all
