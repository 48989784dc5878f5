#!/usr/bin/env bash
# Kills one rank of a run with SIGKILL at random moments and starts the run again on another number of ranks, until it is
# finished; compares every byte with a run that nobody disturbed. Third argument: the number of kills. In every second
# start the launcher leaves the survivors alone, and they must notice by themselves.
source "$(dirname "$0")/../support/programs.sh" "$@"
source "$test_data/support/mpirun.sh"
kills_wanted=${3:-20}
RANDOM=4

corpus 300 >corpus.jsonl
prepare --tokenizer "$tokenizer" --input corpus.jsonl --chunks 2 --context 32 --validation 0.02 --out data >/dev/null
arguments=(--data data --steps 16 --preset nano --batch 16 --lanes 8 --checkpoint-every 2)
pretrain --run whole "${arguments[@]}" >/dev/null

sizes=(2 4 8)
kills=0 runs=0 starts=0 noticed=0
while [ $kills -lt "$kills_wanted" ]; do
    runs=$((runs + 1))
    run=killed$runs
    mkdir $run
    while :; do
        starts=$((starts + 1))
        ranks=${sizes[$((RANDOM % 3))]} zero=$((RANDOM % 4)) background=()
        [ $((RANDOM % 2)) -eq 0 ] && background=(--save-in-background)
        survivors=leave
        [ $((starts % 2)) -eq 0 ] && survivors=kill
        LAPIDARY_SURVIVORS=$survivors launch "$ranks" "$programs/pretrain" --comm mpi --run "$work/$run" "${arguments[@]}" \
            --zero $zero --threads 1 --timeout 3 "${background[@]}" >log 2>&1 &
        launcher=$!
        for ((i = 0; i < 100; ++i)); do  # until the ranks are there
            victims=($(ranks_of "$work/$run"))
            [ ${#victims[@]} -eq "$ranks" ] && break
            kill -0 $launcher 2>/dev/null || break
            sleep 0.05
        done
        killed=0
        if [ $kills -lt "$kills_wanted" ] && [ ${#victims[@]} -gt 0 ]; then
            sleep 0.$(printf %03d $((RANDOM % 900)))
            kill -KILL "${victims[$((RANDOM % ${#victims[@]}))]}" 2>/dev/null && killed=1
        fi
        # Nobody may hang: a minute is twenty timeouts.
        for ((i = 0; i < 600; ++i)); do kill -0 $launcher 2>/dev/null || break; sleep 0.1; done
        if kill -0 $launcher 2>/dev/null; then
            kill -KILL $(ranks_of "$work/$run") || true
            fail "hangs after a kill: $(cat log)"
        fi
        wait $launcher 2>/dev/null || true
        [ -z "$(ranks_of "$work/$run")" ] || sleep 1
        [ -z "$(ranks_of "$work/$run")" ] || fail "ranks outlive their launcher: $(cat log)"
        [ $killed -eq 1 ] && kills=$((kills + 1))
        grep -q "did not answer" log && noticed=$((noticed + 1))
        [ ! -d $run/checkpoints ] || [ -z "$(ls $run/checkpoints)" ] || verified $run
        [ -d $run/checkpoints/step_00000016 ] && break
        [ $killed -eq 1 ] || [ $starts -lt $((3 * kills_wanted + 20)) ] || fail "does not come to an end: $(cat log)"
    done
    same whole/checkpoints $run/checkpoints
    [ "$(metrics whole | grep gradient_norm)" = "$(metrics $run | grep gradient_norm)" ] || fail "the log of $run is another one"
    [ -z "$(find $run -name '*.partial')" ] || fail "left behind: $(find $run -name '*.partial')"
    rm -r $run
done
echo "$kills kills of a rank, $starts starts, $runs runs: 0 hangs, 0 differing bytes"
echo "($noticed times survivors named the rank that did not answer)"
