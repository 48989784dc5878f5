#!/usr/bin/env bash
# One part of measure_gpu.sh, which see, with its settings in the environment: gpu_parts.sh build|a|b|c|d|e|f
# shellcheck disable=SC2317  # the last line calls the functions
set -euo pipefail
work=$(realpath "$BUILD/parts")
programs=(tests/test_cuda_device examples/pretrain bench/bench_gpu_ops bench/bench_gpu_step)
fail() { echo "gpu_parts: $*" >&2 && return 1; }

# CUDA's libraries are the toolkit's, or those of Python's packages where it has none.
wheels=$("$PYTHON" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"] + "/nvidia")' 2>/dev/null || true)
nvcc=$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)
cuda=$(dirname "$(dirname "$(readlink -f "$nvcc")")")
joined() { local IFS=: && echo "$*"; }
shopt -s nullglob
libraries=$(joined ${DEPS:+"$DEPS/lib"} "$cuda/lib64" "$wheels"/*/lib) headers=$(joined "$wheels"/*/include) wheel_libraries=("$wheels"/*/lib/lib*.so.*)
shopt -u nullglob

# use_programs FOLDER: they are there and run; from now on $work/NAME is each of them.
use_programs() {
    local program name
    mkdir -p "$work/programs"
    for program in "${programs[@]}"; do
        name=${program#*/}
        [ -x "$1/$name" ] && LD_LIBRARY_PATH=$libraries "$1/$name" --help >/dev/null || return 1
        ln -sfn "$(realpath "$1/$name")" "$work/programs/$name"
        # Python is left with its own libraries.
        printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s "$@"\n' "$libraries" "$work/programs/$name" >"$work/$name"
        chmod +x "$work/$name"
    done
}

build() {
    local capability library targets=("${programs[@]#*/}")
    capability=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -n 1 | tr -d .)
    [ "$capability" != 90 ] || capability=90a
    if [ ! -e "$cuda/include/cublasLt.h" ]; then
        mkdir -p "$work/lib"
        for library in "${wheel_libraries[@]}"; do
            ln -sfn "$library" "$work/lib/$(basename "${library%.so.*}").so"
        done
        export CMAKE_LIBRARY_PATH=$work/lib
    fi
    export CPLUS_INCLUDE_PATH=$headers CMAKE_PREFIX_PATH=$DEPS
    cmake -S . -B "$BUILD" -G Ninja -DCMAKE_BUILD_TYPE=Release "-DCMAKE_CUDA_ARCHITECTURES=$capability-real" \
        -DLAPIDARY_BENCH=ON -DLAPIDARY_EXAMPLES=ON -DLAPIDARY_TESTS=ON -DLAPIDARY_GPU_TESTS_ALONE=ON -DLAPIDARY_INSTALL=OFF
    if cmake --build "$BUILD" --target help | grep '^prepare:' >/dev/null; then targets+=(prepare); fi
    cmake --build "$BUILD" --parallel "$(nproc)" --target "${targets[@]}"
    mkdir -p "$work/built"
    ln -sfn "${programs[@]/#/$(realpath "$BUILD")/}" "$work/built"
}
part_build() {
    if [ -n "$DEPS" ] && use_programs "$DEPS/bin"; then
        echo "the programs of $DEPS/bin run here"
    else
        build
        use_programs "$work/built" || fail "the programs that were built do not run"
    fi
    local data=${DATA:-$work/data}
    if [ -z "$DATA" ] && [ -n "$DEPS" ] && [ -e "$DEPS/data/data.json" ]; then data=$DEPS/data; fi
    if [ ! -e "$data/data.json" ] && [ -x "$BUILD/examples/prepare" ]; then
        "$BUILD/examples/prepare" --recipe amber --train-tokenizer 2048 --tokenizer "$work/tokenizer.model" \
            --input 'examples/corpus/*.jsonl*' --chunks 8 --context 128 --out "$data"
    fi
    echo "$data" >"$work/data_folder"
}

part_a() {
    "$work/test_cuda_device" "~[none]"
    CUDA_VISIBLE_DEVICES='' "$work/test_cuda_device" "[none]"
}

# train NAME DEVICE ARGUMENTS...: a run of that name begins, or goes on.
train() {
    local output=$runs/$1.txt
    "$work/pretrain" --run "$runs/$1" --data "$(cat "$work/data_folder")" --preset nano --batch 16 --peak 3e-3 --seed 1 \
        --device "$2" "${@:3}" >"$output" 2>&1 || { cat "$output" && return 1; }
}
# The weights and moments of a run's last checkpoint, as one hash.
digest() {
    local last
    last=$(find "$runs/$1/checkpoints" -mindepth 1 -maxdepth 1 -type d -printf '%T@ %p\n' | sort -g | tail -n 1)
    (cd "${last#* }" && sha256sum model.safetensors state/moments.safetensors | sha256sum)
}
# same NAME OTHER: both runs have ended in the same bits.
same() {
    local first other
    first=$(digest "$1") other=$(digest "$2")
    [ "$first" = "$other" ] || { echo "$2 and $1: DIFFERENT" && return 1; }
    echo "$2 and $1: the same bits"
}

part_b() {
    local level code=0
    rm -rf "$runs" && mkdir -p "$runs"
    train first cuda --steps 40
    { train again cuda --steps 40 && same first again; } || code=1
    { train resumed cuda --steps 40 --stop-after 15 && train resumed cuda --steps 40 && same first resumed; } || code=1
    for level in norms mlp qkv block; do
        { train "recompute_$level" cuda --steps 40 --recompute "$level" && same first "recompute_$level"; } || code=1
    done
    { train no_graphs cuda --steps 40 --no-graphs && same first no_graphs; } || code=1
    { train fp32 cuda --steps 40 --precision fp32 && train fp32_again cuda --steps 40 --precision fp32 && same fp32 fp32_again; } || code=1
    return "$code"
}

part_c() {
    local tool result code=0
    local -A process
    for tool in memcheck racecheck initcheck; do  # side by side: the tests wait for the CPU
        # Only kernels of lapidary: those of cuBLAS are not ours to check, and take most of the time.
        local options=(--tool "$tool" --error-exitcode 9 --print-limit 20 --kernel-regex kns=lapidary)
        [ "$tool" != memcheck ] || options+=(--report-api-errors no)  # tests ask for more memory than there is
        LD_LIBRARY_PATH=$libraries timeout "${SANITIZE:-130}" compute-sanitizer "${options[@]}" "$work/programs/test_cuda_device" \
            "~[none]~an algorithm that was chosen*" >"$work/$tool.txt" 2>&1 &
        process[$tool]=$!
    done
    for tool in memcheck racecheck initcheck; do
        result=0
        wait "${process[$tool]}" || result=$?
        if [ "$result" -eq 0 ]; then
            echo "$tool: no error"
        elif [ "$result" -eq 124 ] && ! grep -E '^=+ +(Invalid|Error|ERROR|Warning|Uninit|Race|Potential)' "$work/$tool.txt" >/dev/null; then
            echo "$tool: no error until it was stopped"
        else
            echo "$tool: exit code $result" && grep -v 'Host Frame' "$work/$tool.txt" | tail -n 60
            code=1
        fi
    done
    return "$code"
}

part_d() {
    local code=0
    "$work/bench_gpu_ops" --json "$OUT/ops.jsonl" | tee "$work/ops.txt" || code=1
    { echo && echo "Products, each with the fastest of the algorithms that come into question:"; } | tee -a "$work/ops.txt"
    "$work/bench_gpu_ops" --json "$OUT/ops_tuned.jsonl" --only product --tune | tee -a "$work/ops.txt" || code=1
    return "$code"
}

part_e() {
    local code=0
    rm -rf "$work/compare"
    BENCH=$work/bench_gpu_step OUT=$work/compare bash bench/compare_gpu.sh || code=1
    cp "$work/compare/runs.jsonl" "$OUT/steps.jsonl"  # also what was measured before something failed
    [ "$code" -ne 0 ] || cp "$work/compare/summary.md" "$OUT/steps.md"
    return "$code"
}

part_f() {
    local gpu
    rm -rf "$runs" && mkdir -p "$runs"
    train gpu cuda --steps 200 &
    gpu=$!
    train cpu cpu --steps 200
    wait "$gpu"
    losses() { sed -n 's/.*"loss":\([0-9.e+-]*\).*/\1/p' "$runs/$1/metrics.jsonl"; }
    paste -d, <(losses gpu) <(losses cpu) >"$OUT/losses.csv"
    # Means of ten steps: single batches differ more, and say less.
    awk -F, '{ gpu += $1; cpu += $2 }
        NR % 10 == 0 { d = gpu / cpu - 1; if (d < 0) d = -d; if (d > most) most = d; gpu = cpu = 0 }
        END { printf "%d steps, last losses %.4f on the GPU and %.4f on the CPU; means of ten steps differ by up to %.3f %%\n",
                     NR, $1, $2, 100 * most; exit !(NR == 200 && most < 0.005) }' "$OUT/losses.csv"
}

runs=$work/runs_$1  # of pretrain
"part_$1"
