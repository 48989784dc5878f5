#!/usr/bin/env bash
# The memory that `prepare` takes for a corpus of any size: text is generated into a pipe, BYTES of it (5 GB), and never
# stored. Prints the peak of the process, as the kernel counted it, and MB/s.
#
#   bash bench/stream_memory.sh TOKENIZER
#
# Settings, with their defaults: BYTES=5000000000 WORKERS=<cores> PREPARE=build/release/examples/prepare OUT=build/stream
# (which needs twice the tokens' bytes on disk, and is removed).
set -euo pipefail
cd "$(dirname "$0")/.."
BYTES=${BYTES:-5000000000} WORKERS=${WORKERS:-$(nproc)} OUT=${OUT:-build/stream}
PREPARE=${PREPARE:-build/release/examples/prepare}
[ $# -eq 1 ] || { echo "usage: stream_memory.sh TOKENIZER" >&2; exit 1; }
rm -rf "$OUT"
mkdir -p "$OUT"
trap 'rm -rf "$OUT"' EXIT
mkfifo "$OUT/stream.jsonl"

# The bundled corpus again and again, every document with a number of its own.
awk -v limit="$BYTES" '
    { lines[NR] = substr($0, 10) }
    END {
        for (n = 0; bytes < limit; ++n) {
            line = "{\"text\":\"" n " " lines[n % NR + 1]
            bytes += length(line) + 1
            print line
        }
    }' examples/corpus/c4.jsonl > "$OUT/stream.jsonl" &
start=$EPOCHREALTIME
"$PREPARE" --recipe amber --tokenizer "$1" --input "$OUT/stream.jsonl" --chunks 8 --workers "$WORKERS" \
    --out "$OUT/data" > "$OUT/prepare.txt" &
prepare=$!
peak=0
while now=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$prepare/status" 2> /dev/null) && [ -n "$now" ]; do
    peak=$now
    sleep 1
done
wait "$prepare" || { echo "stream_memory: prepare failed" >&2; exit 1; }
awk -v from="$start" -v to="$EPOCHREALTIME" -v peak="$peak" -v bytes="$BYTES" -v workers="$WORKERS" 'BEGIN {
    printf "%.2f GB in %.0f s, %.1f MB/s, %d workers: peak %.0f MB\n", bytes / 1e9, to - from, bytes / 1e6 / (to - from), workers, peak * 1024 / 1e6 }'
sed -n '/^total/p' "$OUT/prepare.txt"
