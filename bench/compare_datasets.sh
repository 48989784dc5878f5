#!/usr/bin/env bash
# Compares `prepare` with Hugging Face's `datasets` and `tokenizers`: the same files, tokenizer.json and number of
# processes, raw text to files of token windows, in turns.
#
# Needs: prepare (cmake --preset release && cmake --build --preset release --target prepare) and a Python with
# `datasets`, `tokenizers` and `zstandard` (named by PYTHON).
#
#   bash bench/compare_datasets.sh TOKENIZER.json FILE.jsonl[.gz|.zst]...
#
# Settings, with their defaults: PYTHON=python3 ROUNDS=5 WORKERS=<cores> CONTEXT=2048
# PREPARE=build/release/examples/prepare OUT=build/bench/datasets
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python3} ROUNDS=${ROUNDS:-5} WORKERS=${WORKERS:-$(nproc)} CONTEXT=${CONTEXT:-2048}
PREPARE=${PREPARE:-build/release/examples/prepare} OUT=${OUT:-build/bench/datasets}
[ $# -ge 2 ] || { echo "usage: compare_datasets.sh TOKENIZER.json FILE..." >&2; exit 1; }
[ -x "$PREPARE" ] || { echo "compare_datasets: no $PREPARE; build the preset release" >&2; exit 1; }
"$PYTHON" -c 'import datasets, tokenizers' || { echo "compare_datasets: $PYTHON has no datasets; set PYTHON" >&2; exit 1; }
tokenizer=$1
shift
mkdir -p "$OUT"

contents() {
    case $1 in *.gz) gzip -dc "$1" ;; *.zst) zstd -dcq "$1" ;; *) cat "$1" ;; esac
}
bytes=$(for file in "$@"; do contents "$file"; done | wc -c)

ours() {
    rm -rf "$OUT/ours"
    local start=$EPOCHREALTIME
    "$PREPARE" --recipe amber --tokenizer "$tokenizer" --input "$@" --chunks 1 --context "$CONTEXT" --validation 0 \
        --workers "$WORKERS" --out "$OUT/ours" > "$OUT/ours.txt"
    awk -v from="$start" -v to="$EPOCHREALTIME" 'BEGIN { print to - from }'
}
peer() {
    TOKENIZERS_PARALLELISM=false "$PYTHON" bench/peers/datasets_prepare.py --tokenizer "$tokenizer" --out "$OUT/peer" \
        --context "$CONTEXT" --processes "$WORKERS" "$@" 2> "$OUT/peer.txt" |
        "$PYTHON" -c 'import json, sys; print(json.loads(sys.stdin.readlines()[-1])["seconds"])'
}

: > "$OUT/rounds.txt"
for ((round = 0; round < ROUNDS; ++round)); do
    a=$(ours "$@") b=$(peer "$@")
    echo "$a $b" | tee -a "$OUT/rounds.txt" | awk -v bytes="$bytes" \
        '{ printf "lapidary %.2f s, %.1f MB/s; datasets %.2f s, %.1f MB/s; ratio %.2f\n", $1, bytes / 1e6 / $1, $2, bytes / 1e6 / $2, $2 / $1 }'
done
median() { sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
a=$(awk '{ print $1 }' "$OUT/rounds.txt" | median) b=$(awk '{ print $2 }' "$OUT/rounds.txt" | median)
ratio=$(awk '{ print $2 / $1 }' "$OUT/rounds.txt" | median)
awk -v a="$a" -v b="$b" -v ratio="$ratio" -v bytes="$bytes" -v workers="$WORKERS" 'BEGIN {
    printf "medians, %d workers, %.1f MB: lapidary %.1f MB/s, datasets %.1f MB/s, ratio %.2f\n", workers, bytes / 1e6, bytes / 1e6 / a, bytes / 1e6 / b, ratio }'
