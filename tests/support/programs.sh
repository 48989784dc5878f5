# For tests of the example programs. Source it with two arguments: the directory of the programs, and this source tree's
# tests/. Makes a fresh directory, works there and removes it in the end.

set -euo pipefail
export LC_ALL=C
programs=$(cd "$1" && pwd)
test_data=$(cd "$2" && pwd)
tokenizer=$test_data/text/data/tok512.model
work=$(mktemp -d "${TMPDIR:-/tmp}/lapidary_programs_XXXXXX")
cd "$work"
children=()
cleanup() {
    for child in "${children[@]}"; do kill -KILL "$child" 2>/dev/null || true; done
    mountpoint -q "$work/small" 2>/dev/null && umount "$work/small"
    cd / && rm -rf "$work"
}
trap cleanup EXIT

fail() {
    echo "FAILED: $*" >&2
    exit 1
}
skip() {  # the test counts as skipped, visibly
    echo "SKIPPED: $*"
    exit 77
}
ok() { echo "ok: $*"; }

# expect CODE COMMAND...: runs it with its output in the files `out` and `err`.
expect() {
    local wanted=$1 got=0
    shift
    "$@" >out 2>err || got=$?
    [ "$got" -eq "$wanted" ] || fail "exit code $got instead of $wanted: $* $(printf '\n'; head -c 2000 err)"
}
prepare() { "$programs/prepare" "$@"; }
pretrain() {  # on one thread unless asked otherwise: the machine may be busy with other tests
    local threads=(--threads 1)
    [[ " $* " == *" --threads "* ]] && threads=()
    "$programs/pretrain" "${threads[@]}" "$@"
}
# start LOG ARGUMENT...: pretrain in the background, its process in $started.
start() {
    local log=$1
    shift
    "$programs/pretrain" --threads 1 "$@" >"$log" 2>&1 &
    started=$!
    children+=($started)
}
# wait_for LOG TEXT: until the background process has printed the text.
wait_for() {
    local i
    for ((i = 0; i < 1200; ++i)); do
        grep -q "$2" "$1" 2>/dev/null && return
        kill -0 $started 2>/dev/null || fail "the process ended early: $(cat "$1")"
        sleep 0.05
    done
    fail "waited a minute for '$2'"
}
logits() { "$programs/logits" "$@"; }
generate() { "$programs/generate" "$@"; }

# says TEXT...: stderr of the last command is one line that starts with a program's name and holds every text.
says() {
    [ "$(wc -l <err)" -eq 1 ] || fail "$(wc -l <err) lines instead of one on stderr: $(cat err)"
    grep -qE '^(prepare|pretrain|finetune|align|logits|chat|generate|trace|memorize|report): ' err || fail "stderr does not start with the program's name: $(cat err)"
    local text
    for text in "$@"; do grep -qF -- "$text" err || fail "stderr does not name '$text': $(cat err)"; done
}

# sums DIRECTORY...: one number for names and contents of everything below, the lock of a run left out.
sums() { find "$@" -mindepth 1 ! -name .lock -printf '%y %p\n' | sort | cat - <(find "$@" -type f ! -name .lock -print0 | sort -z | xargs -0 -r sha256sum) | sha256sum; }

# same A B: two directories hold the same files with the same bytes.
same() { diff -r --brief --exclude=.lock "$1" "$2" >&2 || fail "$1 and $2 differ"; }

# metrics RUN: its log without what time changes.
metrics() { sed -E 's/,"seconds":[^,]*,"tokens_per_second":[^}]*//' "$1/metrics.jsonl"; }

# verified RUN: every checkpoint is complete and its hashes are right.
verified() {
    local checkpoint
    for checkpoint in "$1"/checkpoints/*/; do
        (cd "$checkpoint" && sha256sum --quiet --strict -c SHA256SUMS) || fail "$checkpoint is damaged"
    done
}

# flip FILE OFFSET: flips the lowest bit of one byte.
flip() {
    local byte
    byte=$(od -An -tu1 -j "$2" -N 1 "$1")
    printf "\\x$(printf %02x $((byte ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# corpus N: N documents of made-up words, the same every time.
corpus() {
    awk -v count="$1" 'BEGIN {
        srand(7)
        for (d = 0; d < count; d++) {
            text = ""
            words = 20 + int(rand() * 40)
            for (i = 0; i < words; i++) {
                letters = 1 + int(rand() * 7)
                for (j = 0; j < letters; j++) text = text sprintf("%c", 97 + int(rand() * 26))
                text = text " "
            }
            printf "{\"text\": \"%s\"}\n", text
        }
    }'
}

# little_endian BYTES NUMBER...: numbers as bytes.
little_endian() {
    local bytes=$1 number i
    shift
    for number in "$@"; do
        for ((i = 0; i < bytes; ++i)); do printf "\\x$(printf %02x $((number >> 8 * i & 255)))"; done
    done
}

# tokens SEQUENCES TIME ID...: a safetensors file of ids [SEQUENCES, TIME] on stdout.
tokens() {
    local header="{\"tokens\":{\"dtype\":\"I32\",\"shape\":[$1,$2],\"data_offsets\":[0,$((4 * $1 * $2))]}}"
    little_endian 8 ${#header}
    printf %s "$header"
    little_endian 4 "${@:3}"
}

nano=(--preset nano --batch 4)
