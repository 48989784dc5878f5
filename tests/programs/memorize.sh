#!/usr/bin/env bash
# memorize: grids of checkpoints and chunks, single models, what it skips and what it refuses.
source "$(dirname "$0")/../support/programs.sh" "$@"

memorize() { "$programs/memorize" "$@"; }

expect 0 memorize --help
grep -q -- --continuation out || fail "memorize --help prints no help"

corpus 60 >corpus.jsonl
prepare --tokenizer "$tokenizer" --input corpus.jsonl --chunks 3 --context 70 --validation 0.02 --out data >/dev/null
pretrain --run run --data data --steps 26 "${nano[@]}" >/dev/null  # 11 steps a chunk

says_so=(memorize --run run --data data)
expect 0 "${says_so[@]}" --threads 1
for text in "ckpt_000  *0\.[0-9]*  *\(0\.[0-9]*\)  *\(0\.[0-9]*\)" "ckpt_001  *0\.[0-9]*  *0\.[0-9]*  *\(0\.[0-9]*\)" \
    "step_00000026  *0\.[0-9]*  *0\.[0-9]*  *~0\.[0-9]*" "ckpt_001  *22  *1 " "step_00000026  *26  *2 " \
    "of 32: chunk [012] row [0-9]*, corpus, .*seen"; do
    grep -qE "$text" out || fail "no '$text': $(cat out)"
done
for key in format version prefix continuation sequences sources checkpoints chunks grid histogram by_source by_position \
    correlation prediction memorized skipped; do
    grep -q "^  \"$key\":" run/analysis/memorization.json || fail "no $key in the results"
done
[ "$(grep -c '"seen": "none"' run/analysis/memorization.json)" -eq 3 ] || fail "not three cells are unseen"
[ "$(grep -c '"seen": "part"' run/analysis/memorization.json)" -eq 1 ] || fail "not one cell is seen in part"
grep -q '"file": "corpus.jsonl"' run/analysis/memorization.json || fail "no documents"
grep -q '"prefix_text": "..' run/analysis/memorization.json || fail "no texts"
[ -s run/analysis/memorization.safetensors ] || fail "no tensors"
cp -r run/analysis first
expect 0 "${says_so[@]}" --threads 3 --batch 7 --out again/memorization.json
same first again
ok "a grid of a run, whatever the batch and the threads"

few=(--sequences 5 --prefix 8 --continuation 4 --show 2)
expect 0 "${says_so[@]}" "${few[@]}" --chunks 2,0 --checkpoints ckpt_001 --out few.json
grep -q "^chunk  *2  *0$" out || fail "$(cat out)"
grep -qE "^ckpt_001  *\(0\.[0-9]*\)  *0\.[0-9]* *$" out || fail "$(cat out)"
grep -q "ckpt_000" out && fail "another checkpoint was measured: $(cat out)"
expect 0 "${says_so[@]}" "${few[@]}" --chunks 2,0 --checkpoints ckpt_001 --seed 3 --out seed.json
cmp -s few.safetensors seed.safetensors && fail "another seed draws the same"
expect 0 memorize --model run/checkpoints/ckpt_001 --data data "${few[@]}" --chunks 2,0 --out one.json
grep -qE "^ckpt_001  *[?]0\.[0-9]*  *[?]0\.[0-9]* *$" out || fail "what a model alone has seen is not known: $(cat out)"
cmp <(sed -n '/"histogram"/,/by_position/p' few.json) <(sed -n '/"histogram"/,/by_position/p' one.json)
expect 0 "${says_so[@]}" "${few[@]}" --stop-at-eos --checkpoints 1
grep -q '"stop_at_eos": true' run/analysis/memorization.json || fail "$(head -5 run/analysis/memorization.json)"
[ "$(grep -c '"name": ' run/analysis/memorization.json)" -eq 1 ] || fail "not one checkpoint"
ok "parts of a grid, and a model alone"

# A run with a missing, a half and a damaged checkpoint.
cp -r run broken
rm -r broken/checkpoints/ckpt_000
cp -r broken/checkpoints/ckpt_001 broken/checkpoints/ckpt_003
rm broken/checkpoints/ckpt_003/SHA256SUMS
cp -r broken/checkpoints/ckpt_001 broken/checkpoints/ckpt_004
head -c 1000 run/checkpoints/ckpt_001/model.safetensors >broken/checkpoints/ckpt_004/model.safetensors
expect 0 memorize --run broken --data data "${few[@]}"
for text in "warning: 3 checkpoints skipped" "ckpt_002: is missing" "ckpt_003: is not complete" "ckpt_004: .*model.safetensors"; do
    grep -q "$text" err || fail "no '$text': $(cat err)"
done
[ "$(grep -c '"reason"' broken/analysis/memorization.json)" -eq 3 ] || fail "the results do not list what was skipped"
rm -r broken/checkpoints/ckpt_001 broken/checkpoints/step_*
expect 1 memorize --run broken --data data "${few[@]}"
grep -q "broken/checkpoints: holds no checkpoint that can be read" err || fail "$(cat err)"
rm -r broken/checkpoints
expect 1 memorize --run broken --data data "${few[@]}"
says "holds no checkpoint that can be read"
ok "damaged runs"

expect 1 memorize
says "give either --model or --run"
expect 1 memorize --model run/checkpoints/ckpt_001
says "--model needs --data"
expect 1 memorize --run nowhere --data data
says "no such directory"
expect 1 memorize --run run
says "run/data: holds no prepared data"
expect 1 "${says_so[@]}" --chunks 0,3
says "there is no chunk 3 in 3"
expect 1 "${says_so[@]}" --checkpoints ckpt_007
says "there is no checkpoint 'ckpt_007' in run/checkpoints"
expect 1 "${says_so[@]}" --checkpoints 0
says "chooses none"
expect 1 "${says_so[@]}" --prefix 40 --continuation 32
says "windows have 71 tokens, fewer than 40 and 32 more"
expect 1 "${says_so[@]}" --sequences 0
cp -r run/checkpoints/ckpt_001 short
sed -i 's/"max_position_embeddings": 70/"max_position_embeddings": 60/' short/config.json
expect 1 memorize --model short --data data
says "the model's context is 60"
prepare --tokenizer "$tokenizer" --input corpus.jsonl --chunks 2 --context 70 --validation 0.02 --out other >/dev/null
expect 1 memorize --run run --data other
says other/data.json "is not the data that run was trained on"
cp -r other wide
sed -i 's/"vocabulary": 512/"vocabulary": 600/' wide/data.json
expect 1 memorize --model short --data wide --prefix 4 --continuation 4
says "short: the model has 512 ids, the data 600"
flip other/chunk_001.safetensors 500
expect 1 memorize --model short --data other --prefix 4 --continuation 4
says chunk_001.safetensors
ok "refusals"
