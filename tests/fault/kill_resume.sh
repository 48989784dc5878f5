#!/usr/bin/env bash
# Kills a training run with SIGKILL at random moments, many of them while a checkpoint is written, starts it again until
# it is finished, and compares every byte with a run that nobody disturbed. Third argument: the number of kills.
source "$(dirname "$0")/../support/programs.sh" "$@"
kills_wanted=${3:-20}
RANDOM=11111

corpus 300 >corpus.jsonl
prepare --tokenizer "$tokenizer" --input corpus.jsonl --chunks 80 --context 32 --validation 0.02 --out data >/dev/null
arguments=(--data data --steps 24 "${nano[@]}" --checkpoint-every 2)
begin=$(date +%s%N)
pretrain --run whole "${arguments[@]}" >/dev/null
whole_ms=$((($(date +%s%N) - begin) / 1000000))

# differing A B: how many bytes of the checkpoints are not the same, those of a file that one lacks included.
differing() {
    local file count=0
    while read -r file; do
        if [ -f "$1/$file" ] && [ -f "$2/$file" ]; then
            count=$((count + $({ cmp -l "$1/$file" "$2/$file" 2>&1 || true; } | wc -l)))
        else
            count=$((count + $(cat "$1/$file" "$2/$file" 2>/dev/null | wc -c)))
        fi
    done < <((cd "$1" && find checkpoints -type f; cd "../$2" && find checkpoints -type f) | sort -u)
    echo $count
}

kills=0 runs=0 in_save=0 different=0
while [ $kills -lt "$kills_wanted" ]; do
    runs=$((runs + 1))
    run=killed$runs
    mkdir $run
    while :; do
        start log --run $run "${arguments[@]}"
        if [ $kills -lt "$kills_wanted" ]; then
            # Up to a sixth of the whole time, so that a run sees several; every fourth within 20 ms of its start.
            delay=$((RANDOM % (whole_ms / 6 + 20)))
            [ $((kills % 4)) -eq 0 ] && delay=$((RANDOM % 20))
            sleep $(printf '%d.%03d' $((delay / 1000)) $((delay % 1000)))
            kill -KILL $started 2>/dev/null || true
        fi
        code=0
        wait $started 2>/dev/null || code=$?
        [ $code -eq 0 ] && break  # finished
        [ $code -eq 137 ] || fail "exit code $code: $(cat log)"
        kills=$((kills + 1))
        if compgen -G "$run/checkpoints/.*.partial" >/dev/null; then in_save=$((in_save + 1)); fi
        [ ! -d $run/checkpoints ] || [ -z "$(ls $run/checkpoints)" ] || verified $run
    done
    different=$((different + $(differing whole $run)))
    [ "$(metrics whole)" = "$(metrics $run)" ] || fail "the log of $run is another one"
    leftover=$(find $run -name '*.partial' -o -name '*.tmp' -path '*/checkpoints/*')
    [ -z "$leftover" ] || fail "left behind: $leftover"
    rm -r $run
done
echo "$kills kills, $different differing bytes"
echo "($in_save while a checkpoint was written; $runs runs of $((whole_ms / 1000)).$((whole_ms % 1000 / 100)) s)"
[ $different -eq 0 ]
