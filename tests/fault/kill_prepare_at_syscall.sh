#!/usr/bin/env bash
# Kills `prepare` at the N-th fsync, rename, mkdir, unlink and rmdir, for every N until it survives: it is never taken for
# complete too soon, and started again it comes to the bytes of an undisturbed one.
source "$(dirname "$0")/../support/programs.sh" "$@"
command -v strace >/dev/null || skip "strace is not installed"
strace -f -o trace -e inject=fsync:signal=KILL:when=1 true 2>/dev/null || skip "strace cannot trace here"

corpus 60 >corpus.jsonl
corpus 40 | tac >other.jsonl
arguments=(--tokenizer "$tokenizer" --input corpus.jsonl --input other.jsonl --chunks 3 --context 32 --validation 0.02
    --commit-seconds 0 --workers 1)
prepare "${arguments[@]}" --out whole >/dev/null

# killed_at CALL N: true if it was killed at its N-th CALL.
killed_at() {
    rm -rf out .out.partial
    strace -f -o trace -e trace="$1" -e inject="$1:signal=KILL:when=$2" "$programs/prepare" "${arguments[@]}" --out out >log 2>&1 &
    local code=0
    wait $! 2>/dev/null || code=$?
    [ $code -eq 0 ] && return 1
    [ $code -eq 137 ] || fail "exit code $code at $1 $2: $(cat log)"
}

total=0
check() {
    local n kills=0 complete=0
    for ((n = 1;; n += ${2:-1})); do
        killed_at "$1" $n || break
        kills=$((kills + 1))
        if [ -e out ]; then  # its name was its last act, or all but
            complete=$((complete + 1))
        else
            prepare "${arguments[@]}" --out out >log 2>&1 || fail "no start after a kill at $1 $n: $(cat log)"
        fi
        same whole out
        [ ! -e .out.partial ] || fail "left behind after a kill at $1 $n: $(ls -AR .out.partial)"
    done
    echo "ok: $1: $kills kills, $complete after it was complete"
    total=$((total + kills))
}
check fsync
check rename
check renameat2
check mkdir
check unlink
check unlinkat
check rmdir
check openat 5
[ $total -ge 40 ] || fail "only $total kills"
echo "$total kills of prepare at system calls, 0 differing bytes"
