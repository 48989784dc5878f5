#!/usr/bin/env bash
# Collects what measure_gpu.sh needs on a machine without a package manager, from this Debian or Ubuntu machine: headers,
# CMake files and libcrypto of the packages that lapidary uses, in a folder that can be copied there (DEPS). The other
# machine still needs a C++ compiler, CMake, ninja and the CUDA toolkit.
#
#   bash bench/carry_gpu.sh FOLDER [BUILD]
#
# With BUILD, a build directory of this machine, also what of it exists: the programs (FOLDER/bin, which run there if its
# C library is not older; configure with -DLAPIDARY_MARCH=x86-64-v3, and without MPI, which may not be there) and, made by its `prepare`, the bundled corpus as
# chunks (FOLDER/data). To build them:
#
#   cmake --preset cuda -DLAPIDARY_BENCH=ON -DLAPIDARY_MARCH=x86-64-v3 -DCMAKE_CUDA_ARCHITECTURES=90a-real \
#         -DCMAKE_DISABLE_FIND_PACKAGE_MPI=ON -DLAPIDARY_GPU_TESTS_ALONE=ON
#   cmake --build build/cuda --target test_cuda_device pretrain prepare bench_gpu_ops bench_gpu_step
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0" >&2; exit 1; }
mkdir -p "$1"
folder=$(realpath "$1") build=${2:+$(realpath "$2")}
cd "$(dirname "$0")/.."

for package in nlohmann-json3-dev librange-v3-dev libcli11-dev catch2 libssl-dev; do
    dpkg -L "$package" >/dev/null || { echo "carry_gpu: cmake/install_packages.sh installs $package" >&2; exit 1; }
    dpkg -L "$package" | grep -E '^/usr/(include/.*|(lib|share)/cmake/.*|.*/lib(crypto|Catch2.*)\.a)$' |
        while IFS= read -r file; do
            [ -f "$file" ] || continue
            place=${file#/usr/}
            place=${place/"$(uname -m)-linux-gnu"\//}  # one architecture is enough
            mkdir -p "$folder/$(dirname "$place")"
            cp "$file" "$folder/$place"
        done
done

if [ -n "$build" ]; then
    mkdir -p "$folder/bin"
    for program in tests/test_cuda_device examples/pretrain bench/bench_gpu_ops bench/bench_gpu_step; do
        if [ -x "$build/$program" ]; then
            cp -L "$(ldd "$build/$program" | awk '/libcrypto/ { print $3 }')" "$folder/lib" 2>/dev/null || true
            strip -o "$folder/bin/${program#*/}" "$build/$program"
        else
            echo "carry_gpu: going on without $build/$program" >&2
        fi
    done
    if [ -x "$build/examples/prepare" ] && [ ! -e "$folder/data/data.json" ]; then
        "$build/examples/prepare" --recipe amber --train-tokenizer 2048 --tokenizer "$folder/tokenizer.model" \
            --input 'examples/corpus/*.jsonl*' --chunks 8 --context 128 --out "$folder/data"
    fi
fi
du -sh "$folder"
