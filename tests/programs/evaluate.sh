#!/usr/bin/env bash
# The program evaluate: tasks, perplexity, sets of one's own, completions, whole runs, and what it refuses.
source "$(dirname "$0")/../support/programs.sh" "$@"

evaluate() { "$programs/evaluate" "$@"; }
sets=$test_data/eval/data
mkdir -p run/checkpoints/ckpt_000
cp "$test_data"/models/stories260K/{config.json,model.safetensors} run/checkpoints/ckpt_000
cp "$tokenizer" run/checkpoints/ckpt_000/tokenizer.model
model=run/checkpoints/ckpt_000

expect 0 evaluate --help
expect 0 evaluate --model $model --tasks arc_easy,mmlu --data "$sets" --limit 1 --out one.json --threads 1 --batch 1
for text in "arc_easy  *25  *1  *acc_norm" "mmlu_formal_logic  *5" "acc_by_subject" "there are none for training"; do
    grep -q "$text" out || fail "no '$text': $(cat out)"
done
expect 0 evaluate --model $model --tasks arc_easy,mmlu --data "$sets" --limit 1 --out other.json --threads 3 --batch 5
cmp one.json other.json
expect 0 evaluate --model $model --tasks truthfulqa_mc2 --data "$sets" --limit 1 --bos yes --out yes.json
grep -q '"add_bos": true' yes.json || fail "$(cat yes.json)"
ok "tasks, whatever the batch and the threads"

printf '{"text":"Once upon a time"}\n{"text":"The end."}\n' >texts.jsonl
printf '{"question":"Who?","choices":["the dog","a cat"],"answer":0}\n{"context":"Once","choices":["upon","off"],"answer":0}\n' >own.jsonl
expect 0 evaluate --model $model --perplexity texts.jsonl --choices own.jsonl --shots 1 --out own.json
grep -q "texts.jsonl  *2  *word_perplexity" out || fail "$(cat out)"
grep -q '"task": "own"' own.json || fail "$(cat own.json)"
ok "texts and questions of one's own"

# A run with a damaged, a half and a missing checkpoint.
cp -r $model run/checkpoints/ckpt_002
cp -r $model run/checkpoints/ckpt_003
head -c 1000 $model/model.safetensors >run/checkpoints/ckpt_002/model.safetensors
mkdir run/checkpoints/.ckpt_004.partial
expect 0 evaluate --run run --choices own.jsonl --out run.json
grep -q "warning: 3 checkpoints skipped" err || fail "$(cat err)"
grep -q "ckpt_001: is missing" err || fail "$(cat err)"
[ "$(grep -c '"step"' run.json)" -eq 2 ] || fail "not two checkpoints: $(cat run.json)"
expect 1 evaluate --run nowhere --choices own.jsonl
grep -q "holds no checkpoint" err || fail "$(cat err)"
ok "runs"

mkdir -p sets/humaneval
printf '{"task_id":"HumanEval/0","prompt":"One day"}\n{"task_id":"HumanEval/1","prompt":"Tom"}\n' >sets/humaneval/HumanEval.jsonl
write=(evaluate --model $model --generate humaneval --data sets --samples 2 --temperature 0.8 --max-tokens 12)
expect 0 "${write[@]}" --out samples.jsonl
[ "$(grep -c '^{"task_id":"HumanEval/[01]","completion":"' samples.jsonl)" -eq 4 ] || fail "$(cat samples.jsonl)"
expect 0 "${write[@]}" --out again.jsonl --threads 1
cmp samples.jsonl again.jsonl
expect 0 "${write[@]}" --seed 7 --out other.jsonl
! cmp -s samples.jsonl other.jsonl || fail "another seed writes the same"
ok "completions"

expect 1 evaluate --model $model --tasks boolq --data "$sets"
grep -q "no task 'boolq'" err || fail "$(cat err)"
expect 1 evaluate --model $model --tasks hellaswag --data sets
grep -q "hellaswag_val.jsonl: there is no such file" err || fail "$(cat err)"
expect 1 evaluate --model $model
grep -q "nothing to do" err || fail "$(cat err)"
expect 1 evaluate --choices own.jsonl
grep -q "give either --model or --run" err || fail "$(cat err)"
echo '{"question":"Who?","choices":["a"],"answer":3}' >bad.jsonl
expect 1 evaluate --model $model --choices bad.jsonl
grep -q "bad.jsonl:1: 'answer' is 3" err || fail "$(cat err)"
expect 1 "${write[@]}"
grep -q "needs a file to write" err || fail "$(cat err)"
ok "refusals"
