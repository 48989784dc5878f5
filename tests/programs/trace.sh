#!/usr/bin/env bash
# trace: from steps to documents, and from texts to steps.
source "$(dirname "$0")/../support/programs.sh" "$@"

trace() { "$programs/trace" "$@"; }

expect 0 trace --help
grep -q -- --text out || fail "trace --help prints no help"

corpus 300 >corpus.jsonl
prepare --tokenizer "$tokenizer" --input corpus.jsonl --chunks 80 --context 32 --validation 0.02 --out data >/dev/null
[ -e data/documents.safetensors ] || skip "prepare wrote no table of documents"
pretrain --run run --data data --steps 10 "${nano[@]}" >out

# Every window of a step, its columns tiled by documents.
for step in 0 9; do
    expect 0 trace --run run --data data --step $step --documents --json step.json
    [ "$(grep -c '^  chunk [0-9]* row [0-9]*: source corpus, epoch 0$' out)" -eq 4 ] || fail "not four windows: $(cat out)"
    [ "$(grep -c 'columns 0-' out)" -eq 4 ] || fail "a window does not start with a document: $(cat out)"
    [ "$(grep -Ec 'columns [0-9]+-33: corpus.jsonl line' out)" -eq 4 ] || fail "a window does not end: $(cat out)"
    grep -q "\"step\": $step" step.json || fail "no step in the results: $(cat step.json)"
done
expect 0 trace --run run --data data --step 3
grep -q "step 3: chunk 0, pass 0 over the chunks, first in ckpt_000" out || fail "$(head -1 out)"
expect 0 trace --run run --data data --step 4
grep -q "step 4: chunk 1, pass 0 over the chunks, first in ckpt_001" out || fail "$(head -1 out)"
ok "a step's windows"

# A text, with and without an index; a step that is said to have seen it has.
for line in {120..150}; do  # windows are short and cut many texts
    text=$(sed -n 's/.*"text": "\(.*\)".*/\1/p' corpus.jsonl | sed -n ${line}p | cut -d' ' -f6-8)
    expect 0 trace --run run --data data --text "$text" --documents --json text.json
    grep -q "in none of the" out || break
done
cp out first
grep -q "corpus.jsonl line $line," out || fail "the text is not found where it is: $(cat out)"
grep -qF "$text" out || fail "the document is not read back: $(cat out)"
expect 0 trace --run run --data data --text "$text" --documents --index
cmp out first
[ -s data/ngrams.safetensors ] || fail "there is no index"
expect 0 trace --data data --text "$text" --decode-all
grep -q "chunk .* row .*, columns" out || fail "$(cat out)"
grep -qE "line|step" out && fail "without a run there are no steps: $(cat out)"
expect 0 trace --run run --data data --text a --limit 100000
awk '/^  chunk/ { place = $2 " row " $4 } /^    step/ { sub(",", "", place); sub(";", "", $2); print $2, place }' out | sort -u >seen
[ "$(wc -l <seen)" -gt 15 ] || fail "most windows have an a, but $(wc -l <seen) were seen"
while read -r step chunk _ row; do echo "$chunk row $row:" >>"of_$step"; done <seen
for step in 0 5 9; do
    expect 0 trace --run run --data data --step $step
    while read -r place; do grep -qF "chunk $place" out || fail "step $step has not seen chunk $place"; done <"of_$step"
done
ok "where and when a text was trained on"

expect 0 trace --run run --data data --text "this stands nowhere at all"
grep -qE "in none of the [1-9][0-9]* windows" out || fail "$(cat out)"
says=(trace --run run --data data)
expect 1 "${says[@]}" --step 10
says "there is no step 10" "steps 0 to 9"
expect 1 "${says[@]}" --text ""
says "empty"
expect 1 "${says[@]}"
says "--step or --text"
expect 1 trace --text x
says "--run or --data"
cp -r data other
echo >>other/data.json
expect 1 trace --run run --data other --step 0
says other/data.json "is not the data"
expect 1 trace --data other --text "$text"
says ngrams.safetensors "another data.json"
flip other/chunk_003.safetensors 500
expect 1 trace --data other --text "$text"
says chunk_003.safetensors
flip corpus.jsonl 10
expect 1 "${says[@]}" --step 0 --documents
says corpus.jsonl "changed since it was prepared"
rm corpus.jsonl
expect 1 "${says[@]}" --step 0 --documents
says corpus.jsonl
expect 0 "${says[@]}" --step 0
ok "bad input is refused by name"
