#!/usr/bin/env bash
# Kills a training run at the N-th fsync, rename, mkdir, write and pwrite, for every N until the run survives: after each the
# newest checkpoint is the old one or the new one, complete, and the run goes on to the bytes of an undisturbed one.
source "$(dirname "$0")/../support/programs.sh" "$@"
command -v strace >/dev/null || skip "strace is not installed"
strace -f -o trace -e inject=fsync:signal=KILL:when=1 true 2>/dev/null || skip "strace cannot trace here"

corpus 200 >corpus.jsonl
prepare --tokenizer "$tokenizer" --input corpus.jsonl --chunks 40 --context 16 --validation 0.02 --out data >/dev/null
arguments=(--data data --steps 3 "${nano[@]}" --checkpoint-every 1)
pretrain --run whole "${arguments[@]}" >/dev/null
pretrain --run begun "${arguments[@]}" --stop-after 1 >/dev/null
old=step_00000001 new=step_00000002
[ "$(ls begun/checkpoints)" = $old ] || fail "expected one checkpoint"

# killed_at CALL N: true if a process that would go on for one step was killed at its N-th CALL.
killed_at() {
    rm -rf run
    cp -r begun run
    strace -f -o trace -e trace="$1" -e inject="$1:signal=KILL:when=$2" "$programs/pretrain" --threads 1 \
        --run run "${arguments[@]}" --stop-after 1 >out 2>&1 &
    local code=0
    wait $! 2>/dev/null || code=$?
    [ $code -eq 0 ] && return 1
    [ $code -eq 137 ] || fail "exit code $code at $1 $2: $(cat out)"
}

total=0
# check CALL STRIDE
check() {
    local n kept=0 saved=0
    for ((n = 1;; n += $2)); do
        killed_at "$1" $n || break
        verified run
        case $(echo $(ls run/checkpoints)) in
            $old) kept=$((kept + 1)) ;;
            "$old $new") saved=$((saved + 1)) ;;
            *) fail "checkpoints after a kill at $1 $n: $(ls -a run/checkpoints)" ;;
        esac
        pretrain --run run "${arguments[@]}" >out 2>&1 || fail "no start after a kill at $1 $n: $(cat out)"
        same whole/checkpoints run/checkpoints
        [ "$(metrics whole | grep gradient_norm)" = "$(metrics run | grep gradient_norm)" ] || fail "another log after a kill at $1 $n"
        [ -z "$(find run -name '*.partial')" ] || fail "left behind: $(find run -name '*.partial')"
    done
    echo "ok: $1: $((kept + saved)) kills, $kept left the old checkpoint newest, $saved the new one"
    total=$((total + kept + saved))
}
check fsync 1
check rename 1
check renameat2 1
check mkdir 1
check write 1
check pwrite64 1
[ $total -ge 20 ] || fail "only $total kills"
echo "$total kills at system calls, 0 differing bytes"
