#!/usr/bin/env bash
# pretrain on ranks: whatever their number, kind, sharding, micro-batches and threads, the same bytes; ranks stop at one
# step; what cannot be is refused. Third argument `grid`: all combinations, and a table of them.
source "$(dirname "$0")/../support/programs.sh" "$@"
source "$test_data/support/mpirun.sh"
grid=${3:-}

corpus 300 >corpus.jsonl
prepare --tokenizer "$tokenizer" --input corpus.jsonl --chunks 2 --context 32 --validation 0.02 --out data >/dev/null
arguments=(--data data --preset nano --batch 16 --lanes 8 --steps 4)
pretrain --run whole "${arguments[@]}" >/dev/null

# on KIND RANKS ARGUMENT...: pretrain on ranks that are threads, or that a launcher starts.
on() {
    local kind=$1 ranks=$2
    shift 2
    if [ "$kind" = mpi ]; then
        launch "$ranks" "$programs/pretrain" --comm mpi "$@"
    else
        "$programs/pretrain" --comm threads --ranks "$ranks" "$@"
    fi
}
runs=0
# equal KIND RANKS ZERO MICRO_BATCH THREADS ARGUMENT...
equal() {
    rm -rf run
    on "$1" "$2" --run run "${arguments[@]}" --zero "$3" --micro-batch "$4" --threads "$5" "${@:6}" >out 2>&1 ||
        fail "$*: $(cat out)"
    same whole/checkpoints run/checkpoints
    [ "$(metrics whole)" = "$(metrics run)" ] || fail "another log with $*"
    runs=$((runs + 1))
}

if [ "$grid" = grid ]; then
    for kind in threads mpi; do
        for ranks in 1 2 4 8; do
            for zero in 0 1 2 3; do
                for micro_batch in 1 2; do
                    for threads in 1 2; do equal $kind $ranks $zero $micro_batch $threads; done
                done
            done
            echo "$kind, $ranks ranks: ZeRO 0 to 3, micro-batches of 1 and 2, 1 and 2 threads a rank: same bytes"
        done
    done
    echo "$runs runs, 0 differing bytes"
    exit 0
fi
equal threads 2 0 1 2
equal threads 8 1 2 1 --save-in-background
equal threads 4 2 1 1
equal threads 2 3 2 1
equal mpi 2 0 2 1 --save-in-background
equal mpi 4 1 1 2
equal mpi 8 2 2 1
equal mpi 4 3 1 1
equal mpi 2 3 1 2
ok "$runs combinations of ranks, sharding, micro-batches and threads: same bytes"

on mpi 4 --run resumed "${arguments[@]}" --zero 3 --stop-after 1 >/dev/null
on threads 2 --run resumed "${arguments[@]}" --zero 1 --stop-after 1 >/dev/null
pretrain --run resumed "${arguments[@]}" --stop-after 1 >/dev/null
on mpi 8 --run resumed "${arguments[@]}" --zero 2 >out
grep -q "resuming at step 3" out || fail "the last start did not resume: $(cat out)"
same whole/checkpoints/step_00000004 resumed/checkpoints/step_00000004
ok "four starts on 4, 2, 1 and 8 ranks: same bytes"

long=(--data data --preset nano --batch 16 --lanes 8 --steps 400 --checkpoint-every 100)
pretrain --run long "${long[@]}" --stop-after 200 >/dev/null
rm -f first  # what the start before said is not waited for
launch 4 "$programs/pretrain" --comm mpi --run "$work/stopped" "${long[@]}" --threads 1 >first 2>&1 &
started=$!
wait_for first ckpt_000
victims=($(ranks_of "$work/stopped"))
[ ${#victims[@]} -eq 4 ] || fail "${#victims[@]} ranks instead of 4"
kill -TERM "${victims[2]}"
wait $started || true  # a launcher's exit code says little
verified stopped
stopped_at=$(sed -n 's|.*"step": \([0-9]*\).*|\1|p' stopped/checkpoints/*/state/state.json | sort -n | tail -1)
[ "$(grep -c gradient_norm stopped/metrics.jsonl)" -eq "$stopped_at" ] || fail "the checkpoint of the stop is not the last step"
[ "$stopped_at" -lt 200 ] || fail "stopped only at step $stopped_at"
launch 2 "$programs/pretrain" --comm mpi --run "$work/stopped" "${long[@]}" --stop-after $((200 - stopped_at)) >out 2>&1
same long/checkpoints/step_00000200 stopped/checkpoints/step_00000200
ok "SIGTERM to one of four ranks: all stop at step $stopped_at with one checkpoint; going on gives the same bytes"

rm -f first  # what the start before said is not waited for
"$programs/pretrain" --comm threads --ranks 2 --run threads "${long[@]}" >first 2>&1 &
started=$!
children+=($started)
wait_for first ckpt_000
kill -USR1 $started
code=0
wait $started || code=$?
[ $code -eq 75 ] || fail "exit code $code after SIGUSR1: $(cat first)"
verified threads
rm -f first  # what the start before said is not waited for
"$programs/pretrain" --comm threads --ranks 2 --run threads "${long[@]}" >first 2>&1 &
started=$!
children+=($started)
wait_for first "rank(s)"
kill -INT $started; sleep 0.01; kill -INT $started; code=0
wait $started || code=$?
[ $code -eq 75 ] || [ $code -eq 130 ] || fail "exit code $code after two SIGINT: $(cat first)"
verified threads
ok "SIGUSR1 saves and exits with 75; a second signal harms nothing"

# refused TEXT KIND RANKS ARGUMENT...
refused() {
    local text=$1 code=0
    shift
    LAPIDARY_SURVIVORS=kill on "$1" "$2" --run refused "${@:3}" >out 2>&1 || code=$?
    [ $code -ne 0 ] || fail "not refused: $*"
    grep -qF -- "$text" out || fail "'$text' is not said: $(cat out)"
    [ ! -e refused ] || fail "a refused start left a run: $*"
}
refused "8 lanes cannot be shared out over 3 ranks" threads 3 "${arguments[@]}"
refused "16 ranks for 8 lanes: start at most as many" threads 16 "${arguments[@]}"
refused "--ranks 4, but the launcher started 2: mpirun -n 4" mpi 2 "${arguments[@]}" --ranks 4
for comm in single nccl; do
    expect 1 pretrain --run refused "${arguments[@]}" --comm $comm --ranks 2
    says "--comm $([ $comm = single ] && echo threads || echo $comm)"
done
code=0
launch 1 "$programs/pretrain" --comm mpi --run refused "${arguments[@]}" : -n 1 "$programs/pretrain" --comm mpi --run refused \
    "${arguments[@]}" --seed 5 >out 2>&1 || code=$?
[ "$(grep -c "rank 1 was started with 'seed' 5, rank 0 with 11111" out)" -ge 1 ] || fail "another seed on one rank: $(cat out)"
[ ! -e refused ] || fail "ranks that disagree left a run"
ok "what cannot be is refused"
echo "ranks change no byte"
