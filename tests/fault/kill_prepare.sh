#!/usr/bin/env bash
# Kills `prepare` with SIGKILL at random moments spread over its run time, starts it again, with another number of threads,
# and compares every byte with a run that nobody disturbed. Third argument: the number of kills.
source "$(dirname "$0")/../support/programs.sh" "$@"
kills_wanted=${3:-10}
RANDOM=11111

mkdir data
split -n l/8 "$test_data/../examples/corpus/c4.jsonl" data/c4_
cp "$test_data/../examples/corpus/arxiv.jsonl.gz" data
cat >data/recipe.json <<'JSON'
{"name": "kills", "vocabulary": 600, "context": 127, "stride": 127, "chunks": 12, "validation": {"share": 0.02},
 "deduplicate": true, "sources": [
  {"name": "c4", "files": ["c4_*"], "fim": {"rate": 0.5, "prefix": 512, "middle": 513, "suffix": 514, "pad": 515}},
  {"name": "arxiv", "files": ["arxiv.jsonl.gz"], "epochs": 1.5}]}
JSON
arguments=(--recipe data/recipe.json --tokenizer "$tokenizer" --commit-seconds 0)
now() { date +%s%N; }
begin=$(now)
prepare "${arguments[@]}" --workers 1 --out whole >/dev/null
whole_ms=$((($(now) - begin) / 1000000))
[ "$(ls whole | wc -l)" -eq 16 ] || fail "12 chunks, held-out windows, documents, manifest and tokenizer, but: $(ls -A whole)"

# kill_after MS OUT WORKERS: true if it was killed before its end.
kill_after() {
    "$programs/prepare" "${arguments[@]}" --workers "$3" --out "$2" >log 2>&1 &
    local started=$! code=0
    children+=($started)
    sleep $(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))
    kill -KILL $started 2>/dev/null || true
    wait $started 2>/dev/null || code=$?
    [ $code -eq 0 ] && return 1
    [ $code -eq 137 ] || fail "exit code $code: $(cat log)"
    [ ! -e "$2" ] || same whole "$2"  # it got its name as its last act
}

kills=0 begun=0 tokenized=0
for ((i = 0; kills < kills_wanted; ++i)); do
    [ $i -lt $((10 * kills_wanted)) ] || fail "only $kills of $kills_wanted kills came before the end"
    # A tenth of the run time after the other, somewhere in it.
    slice=$((whole_ms / kills_wanted + 1))
    kill_after $((i % kills_wanted * slice + RANDOM % slice)) out $((i % 3 + 1)) || { rm -r out; continue; }
    kills=$((kills + 1))
    [ -e .out.partial/.work/state.json ] && begun=$((begun + 1))
    compgen -G ".out.partial/*.safetensors" >/dev/null && tokenized=$((tokenized + 1))
    # Every other time once more, soon after it went on.
    if [ $((kills % 2)) -eq 0 ] && [ -e .out.partial ] && kill_after $((RANDOM % slice)) out 2; then kills=$((kills + 1)); fi
    [ -e out ] || prepare "${arguments[@]}" --workers $(((i + 1) % 3 + 1)) --out out >/dev/null
    same whole out
    [ ! -e .out.partial ] || fail "left behind: $(ls -AR .out.partial)"
    rm -r out
done
[ $begun -gt 0 ] || fail "no kill came after the first commit"
echo "$kills kills, 0 differing bytes"
echo "($begun after the first commit, $tokenized while chunks were written; a run takes $((whole_ms / 1000)).$((whole_ms % 1000 / 100)) s)"
