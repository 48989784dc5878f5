#!/usr/bin/env bash
# The example programs together: prepare, pretrain with all that must not change a bit, logits, generate.
source "$(dirname "$0")/../support/programs.sh" "$@"

for program in prepare pretrain logits generate plan; do
    expect 0 "$programs/$program" --help
    grep -q -- --help out || fail "$program --help prints no help"
done
ok "--help"

corpus 300 >corpus.jsonl
for out in data again; do
    prepare --tokenizer "$tokenizer" --input corpus.jsonl --chunks 80 --context 32 --validation 0.02 --out $out >/dev/null
done
same data again
for file in data.json documents.safetensors valid.safetensors chunk_000.safetensors chunk_079.safetensors tokenizer.model; do
    [ -s data/$file ] || fail "prepare wrote no $file"
done
ok "prepare twice gives the same bytes"

# A tokenizer that the recipe names, and that is not there yet, is trained where the recipe says.
cat >own.json <<END
{"name": "own", "tokenizer": "own.model", "context": 32, "chunks": 4,
 "sources": [{"name": "corpus", "files": ["corpus.jsonl"]}]}
END
prepare --recipe own.json --train-tokenizer 400 --out data_own >/dev/null 2>&1 || fail "the recipe's tokenizer is not trained"
cmp own.model data_own/tokenizer.model || fail "the data have another tokenizer"
ok "a recipe's tokenizer"

# Four steps a chunk: checkpoints after steps 4 and 8 of ten, and in the end.
end=checkpoints/step_00000010
train() { pretrain --data data --steps 10 "${nano[@]}" "$@" >out; }
train --run whole
for checkpoint in ckpt_000 ckpt_001 step_00000010; do [ -d whole/checkpoints/$checkpoint ] || fail "no $checkpoint"; done
[ "$(ls whole/checkpoints | wc -l)" -eq 3 ] || fail "checkpoints that nobody asked for"
for file in config.json model.safetensors tokenizer.model SHA256SUMS state/state.json state/moments.safetensors; do
    [ -s whole/$end/$file ] || fail "no $file in the checkpoint"
done
cmp whole/$end/tokenizer.model "$tokenizer"
verified whole
[ "$(grep -c '"gradient_norm"' whole/metrics.jsonl)" -eq 10 ] || fail "not one record a step"
[ "$(grep -c '"validation_loss"' whole/metrics.jsonl)" -eq 3 ] || fail "not one validation a checkpoint"
before=$(sums whole)
train --run whole
[ "$before" = "$(sums whole)" ] || fail "starting a finished run again changes it"
ok "pretrain"

variant=0
unchanged() {
    variant=$((variant + 1))
    train --run variant$variant --stop-after 4 "$@"
    same {whole,variant$variant}/checkpoints/ckpt_000
    [ "$(metrics whole | head -5)" = "$(metrics variant$variant)" ] || fail "another log with $*"
    rm -r variant$variant
    ok "no bit changed by $*"
}
unchanged --threads 2
unchanged --threads 3
unchanged --threads 7
unchanged --micro-batch 1
unchanged --micro-batch 2
unchanged --micro-batch 4
for level in norms mlp qkv block; do unchanged --recompute $level; done
unchanged --recompute block --micro-batch 1 --threads 2
unchanged --recompute auto
grep -qF "cheapest that fits" out || fail "--recompute auto does not say what it chose: $(cat out)"
expect 1 pretrain --data data --steps 10 "${nano[@]}" --run small --recompute auto --memory 0.001
grep -qF "does not fit into its memory" err || fail "$(cat err)"

train --run lanes --lanes 4
cmp -s whole/$end/model.safetensors lanes/$end/model.safetensors && fail "lanes are part of a run, and 4 gave the bits of 1"
for micro_batch in 1 2; do
    train --run lanes$micro_batch --lanes 4 --micro-batch $micro_batch --threads 2
    same lanes/checkpoints lanes$micro_batch/checkpoints
done
ok "four lanes, whatever the micro-batch"

for start in 1 2 3 4; do train --run resumed --stop-after 3 --threads $((start % 2 + 1)); done
grep -q "resuming at step 9" out || fail "the last start did not resume: $(cat out)"
for checkpoint in ckpt_000 ckpt_001 step_00000010; do same {whole,resumed}/checkpoints/$checkpoint; done
# The stops measured the validation loss as well; all else is equal.
[ "$(metrics whole | grep gradient_norm)" = "$(metrics resumed | grep gradient_norm)" ] || fail "another log after resuming"
verified resumed
ok "stopped three times, same bytes"

train --run refusing --stop-after 2
before=$(sums refusing)
refused() {
    local key=$1
    shift
    local base=" --data data --steps 10 ${nano[*]} "
    [[ $base == *" $1 "* ]] && base=$(sed -E "s/ $1 [^ ]+ / /" <<<"$base")
    expect 1 pretrain $base --run refusing "$@"
    says refusing/manifest.json "'$key'"
    [ "$before" = "$(sums refusing)" ] || fail "a refused start changed the run"
}
refused lanes --lanes 2
refused rate --peak 1e-3
refused rate --warmup 3
refused seed --seed 5
refused steps --steps 11
refused batch --batch 2
refused separate-documents --separate-documents
refused clip --clip 0.5
refused adamw --weight-decay 0
refused config --preset tiny
refused init --init whole/$end
cp -r data other
sed -i 's/"name": "amber"/"name": "other"/' other/data.json
refused data --data other
train --run refusing
same whole/$end refusing/$end
ok "another definition is refused and harms nothing"

long=(--data data --steps 150 "${nano[@]}" --checkpoint-every 50)
pretrain --run long "${long[@]}" >/dev/null
start first --run busy "${long[@]}"
wait_for first "parameters"
expect 1 pretrain --run busy "${long[@]}"
says "busy is in use by process $started"
wait $started || fail "the first process failed: $(cat first)"
same long/checkpoints busy/checkpoints
[ "$(metrics long)" = "$(metrics busy)" ] || fail "the second process left something in the log"
ok "a second process is refused, the first does not notice"

start first --run stopped "${long[@]}"
wait_for first "ckpt_000"
kill -TERM $started
code=0
wait $started || code=$?
[ $code -eq 75 ] || fail "exit code $code after SIGTERM: $(cat first)"
verified stopped
stopped_at=$(ls stopped/checkpoints/*/state/state.json | xargs -n 1 sed -n "s|.*\"step\": \([0-9]*\).*|\1|p" | sort -n | tail -1)
[ "$(grep -c gradient_norm stopped/metrics.jsonl)" -eq "$stopped_at" ] || fail "the checkpoint of the stop is not the last step"
expect 0 pretrain --run stopped "${long[@]}"
grep -q "resuming at step $stopped_at " out || fail "did not resume at step $stopped_at: $(cat out)"
for checkpoint in long/checkpoints/*; do same $checkpoint stopped/checkpoints/"$(basename $checkpoint)"; done
ok "SIGTERM saves at step $stopped_at and exits with 75; going on gives the same bytes"

tokens 2 3 1 2 3 4 5 511 >tokens.safetensors
expect 0 logits --model whole/$end --tokens tokens.safetensors --out one.safetensors --threads 1
grep -qF "logits [2, 3, 512]" out || fail "shape of the logits: $(cat out)"
[ "$(stat -c %s one.safetensors)" -gt $((2 * 3 * 512 * 4)) ] || fail "the logits are too short"
expect 0 logits --model whole/$end --tokens tokens.safetensors --out three.safetensors --threads 3
cmp one.safetensors three.safetensors
[ ! -e one.safetensors.partial ] || fail "a partial file is left"
ok "logits"

expect 0 generate --model whole/$end --prompt "a word" --max-tokens 20 --seed 4 --ignore-eos --threads 1
cp out first_text
grep -q "^a word" first_text || fail "the prompt does not come first: $(cat first_text)"
expect 0 generate --model whole/$end --prompt "a word" --max-tokens 20 --seed 4 --ignore-eos --threads 2
cmp out first_text
expect 0 generate --model whole/$end --prompt "a word" --max-tokens 20 --seed 5 --ignore-eos
! cmp -s out first_text || fail "another seed draws the same text"
expect 0 generate --model whole/$end --max-tokens 0
expect 0 generate --model whole/$end --temperature 0 --max-tokens 1000
ok "generate"
# A tokenizer.json goes the same way.
json=$(dirname "$tokenizer")/tokenizers/neox.json
prepare --tokenizer "$json" --input corpus.jsonl --chunks 4 --context 32 --out data_json >/dev/null
cmp data_json/tokenizer.json "$json"
pretrain --data data_json --run json --steps 2 "${nano[@]}" >out
cmp json/checkpoints/step_00000002/tokenizer.json "$json"
expect 0 generate --model json/checkpoints/step_00000002 --prompt "naïve 🙂" --max-tokens 20 --seed 4
grep -q "^naïve 🙂" out || fail "the prompt does not come first: $(cat out)"
ok "tokenizer.json"

# AMBER's published run, which no run of this library can have, and one that can be.
published=(--device a100 --ranks 224 --ranks-per-node 4 --batch 2240 --micro-batch 10 --recompute auto)
expect 0 "$programs/plan" "${published[@]}" --tokens 1e12 --out plan.json
for text in "ZeRO-0 none, ZeRO-1 mlp, ZeRO-2 norms, ZeRO-3 nothing" "1 lane(s) of 10 sequences" "would refuse it" "ZeRO-0    ZeRO-1    ZeRO-2    ZeRO-3" "weights_backward" "days"; do
    grep -qF "$text" out || fail "plan does not say '$text': $(cat out)"
done
[ "$(grep -c '"zero"' plan.json)" -eq 4 ] || fail "not one plan a level"
expect 0 "$programs/plan" --preset nano --peak 1 --ranks 4 --lanes 8 --batch 16 --zero 2
grep -qF "2 lane(s) of 2 sequences" out && ! grep -qF "refuse" out || fail "lanes of 4 ranks: $(cat out)"
expect 1 "$programs/plan" --device a100 --ranks 224 --batch 2112
grep -qF "2112 sequences cannot be shared out evenly over 224 ranks" err || fail "$(cat err)"
expect 0 "$programs/plan" --device a100
grep -qF "data parallel" out || fail "plan of one rank: $(cat out)"
expect 0 "$programs/plan" --device h200 --micro-batch 6 --recompute auto
grep -qF "fits the 148.8 GB of one h200: norms" out && grep -qF "remainders              13.48 GB" out ||
    fail "AMBER 7B on one GPU: $(cat out)"
expect 1 "$programs/plan" --precision bf16
ok "plan"
echo "all programs work together"
