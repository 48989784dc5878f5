#!/usr/bin/env bash
# finetune and align as a user meets them: what they learn, what changes no bit, adapters, and what they refuse.
source "$(dirname "$0")/../support/programs.sh" "$@"

for program in finetune align; do
    expect 0 "$programs/$program" --help
    grep -q -- --lora-rank out || fail "no help"
done

mkdir model
cp "$test_data"/models/stories260K/{config.json,model.safetensors} model
cp "$tokenizer" model/tokenizer.model
head -n 48 "$test_data"/../examples/instructions.jsonl >talk.jsonl
head -n 24 "$test_data"/../examples/preferences.jsonl >pairs.jsonl
# tune PROGRAM DEFAULTS : ARGUMENT...: with those defaults that the arguments do not replace.
tune() {
    local command=("$programs/$1")
    shift
    while [ "$1" != : ]; do
        [[ " $* " == *" :"*" $1 "* ]] || command+=("$1" "$2")
        shift 2
    done
    shift
    "${command[@]}" "$@"
}
# finetune and align ARGUMENT...: on the small files, a few steps on one thread.
small=(--model model --template human_assistant --context 96 --batch 8 --threads 1)
finetune() { tune finetune --data talk.jsonl --recipe amberchat --epochs 1 --peak 1e-3 "${small[@]}" : "$@"; }
align() { tune align --data pairs.jsonl --epochs 2 --peak 1e-4 --warmup 2 "${small[@]}" : "$@"; }
# last RUN: its last checkpoint.
last() { printf '%s\n' "$1"/checkpoints/* | tail -n 1; }
# column RUN KEY: what the steps of a run recorded under a key.
column() { sed -nE 's/.*"'"$2"'":([-0-9.e]+).*/\1/p' "$1/metrics.jsonl"; }
# falls A B: A is above B.
falls() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a > b) }' || fail "$1 does not fall to $2"; }

expect 0 finetune --out sft --hold-out 8 --epochs 3
grep -q '48 conversations: 48 windows of at most 96 tokens' out || fail "$(cat out)"
falls "$(column sft loss | head -n 1)" "$(column sft loss | tail -n 1)"
falls "$(column sft validation_loss | head -n 1)" "$(column sft validation_loss | tail -n 1)"
verified sft
[ "$(column sft validation_loss | wc -l)" -eq 3 ] || fail "it was not looked at once an epoch"
expect 0 "$programs/chat" --model "$(last sft)" --temperature 0 --max-tokens 8 --prompt "Who fell down the rabbit hole?"
[ ! -s err ] || fail "the template is not that of the checkpoint: $(cat err)"
ok "finetune: what it learns, and chat takes its template"

expect 0 align --out dpo --hold-out 4
falls "$(column dpo loss | head -n 1)" "$(column dpo loss | tail -n 1)"
falls "$(column dpo margin | tail -n 1)" "$(column dpo margin | head -n 1)"
[ "$(column dpo accuracy | head -n 1)" = 0.0 ] || fail "the first step prefers something"
falls "$(column dpo validation_margin | tail -n 1)" 0
verified dpo
expect 0 align --out ipo --loss ipo --beta 0.5 --stop-after 2
[ "$(column ipo loss | head -n 1)" = 1.0 ] || fail "IPO's first loss is not (1 / (2 beta))^2: $(column ipo loss)"
expect 0 "$programs/align" --model "$(last sft)" --data pairs.jsonl --context 96 --batch 8 --stop-after 1 --threads 1 --out on
grep -q 'template human_assistant' out || fail "it takes another template than its model learned: $(cat out)"
ok "align: what it learns"

# The bits of a run: threads, micro-batches, ranks, what they shard, stopping anywhere, being killed.
shared=(--lanes 4 --checkpoint-every 2)
for program in finetune align; do
    for adapters in 0 3; do
        kind=(--lora-rank "$adapters" "${shared[@]}")
        "$program" --out "$program.$adapters" "${kind[@]}" >/dev/null
        n=0
        for way in "--threads 2 --micro-batch 2" "--comm threads --ranks 2" "--comm threads --ranks 4 --zero 1" \
            "--comm threads --ranks 2 --zero 2" "--comm threads --ranks 4 --zero 3 --micro-batch 2"; do
            n=$((n + 1))
            # shellcheck disable=SC2086
            expect 0 "$program" --out "other.$n" "${kind[@]}" $way
            same "$(last "$program.$adapters")" "$(last "other.$n")"
            [ "$(metrics "$program.$adapters")" = "$(metrics "other.$n")" ] || fail "other records: $way"
        done
        expect 0 "$program" --out resumed "${kind[@]}" --stop-after 3
        expect 0 "$program" --out resumed "${kind[@]}" --comm threads --ranks 2 --zero 3
        grep -q 'resuming at step 3' out || fail "it begins anew: $(cat out)"
        same "$(last "$program.$adapters")" "$(last resumed)"
        [ "$(metrics "$program.$adapters")" = "$(metrics resumed)" ] || fail "other records after stopping"
        rm -rf other.* resumed
    done
done
ok "threads, micro-batches, ranks, sharding and resuming change no bit"

"$programs/finetune" --data talk.jsonl --peak 1e-3 "${small[@]}" --out killed --epochs 40 --checkpoint-every 4 >log 2>&1 &
children+=($!)
started=$!
wait_for log 'step_00000008'
kill -KILL $started
wait $started 2>/dev/null || true
finetune --out killed --epochs 40 --checkpoint-every 4 --stop-after 8 >out
finetune --out whole --epochs 40 --checkpoint-every 4 --stop-after 16 >/dev/null
same whole/checkpoints/step_00000012 killed/checkpoints/step_00000012
ok "a run that was killed goes on as if it had not been"

# Adapters, merged and not, as peft has them.
finetune --out lora --lora-rank 4 --lora-targets q_proj,v_proj --merge --epochs 2 >out
grep -qE '^[0-9]{4} of [0-9]{6} parameters are trained' out || fail "all weights are trained: $(cat out)"
adapter=$(last lora)
for file in adapter_config.json adapter_model.safetensors tokenizer.model state/moments.safetensors; do
    [ -s "$adapter/$file" ] || fail "no $file"
done
[ ! -e "$adapter/model.safetensors" ] || fail "the whole model is in a checkpoint of adapters"
grep -q '"target_modules"' "$adapter/adapter_config.json" || fail "no target_modules"
(cd lora/merged && sha256sum --quiet --strict -c SHA256SUMS) || fail "the merged model is damaged"
merged=$(find lora/merged -type f -exec sha256sum {} + | sort)
expect 0 finetune --out lora --lora-rank 4 --lora-targets q_proj,v_proj --merge --epochs 2
[ "$merged" = "$(find lora/merged -type f -exec sha256sum {} + | sort)" ] || fail "a run that had ended changes what it merged"
mkdir -p own/merged && echo precious >own/merged/SHA256SUMS
expect 1 finetune --out own --lora-rank 4 --merge
says "own/merged: is no model that this run merged"
[ "$(cat own/merged/SHA256SUMS)" = precious ] && [ ! -e own/manifest.json ] || fail "it is not as it was"
ask=(--temperature 0 --max-tokens 12 --prompt "What did Alice follow?")
expect 0 "$programs/chat" --model model --adapter "$adapter" "${ask[@]}"
mv out unmerged
expect 0 "$programs/chat" --model lora/merged "${ask[@]}"
cmp out unmerged || fail "the merged model says something else"
align --out again --lora-rank 2 --stop-after 2 >/dev/null
expect 1 "$programs/align" --model "$adapter" --data pairs.jsonl --out x
says "$adapter: holds adapters (LoRA), not a model"
expect 1 "$programs/generate" --model "$adapter" --prompt Hi
says "$adapter: holds adapters (LoRA), not a model"
ok "adapters"

# Other recipes and forms of data.
"$programs/finetune" --model model --data pairs.jsonl --preferences --recipe ambersafe --context 96 --batch 4 --stop-after 2 \
    --threads 1 --out safe >out
grep -q '"mean": "sequences"' safe/manifest.json || fail "AMBERSAFE's loss is not a sum"
grep -q '"name": "rmsprop"' safe/manifest.json || fail "AMBERSAFE's optimizer is not RMSprop"
[ "$(column safe learning_rate | head -n 1)" != 0.0 ] || fail "the warm-up begins at zero"
finetune --packed --context 200 --out packed --stop-after 1 >out
grep -qE '48 conversations: ([1-9]|[123][0-9]) windows' out || fail "nothing was packed: $(cat out)"
gzip -c talk.jsonl >talk.jsonl.gz
finetune --data talk.jsonl.gz --out zipped --stop-after 2 >/dev/null
finetune --out plain --stop-after 2 >/dev/null
cmp "$(last plain)/model.safetensors" "$(last zipped)/model.safetensors" || fail "compressed, the data are others"
cp -r model configured
echo '{"legacy": false}' >configured/tokenizer_config.json
finetune --model configured --stop-after 1 --out settings >/dev/null
cmp configured/tokenizer_config.json "$(last settings)/tokenizer_config.json" || fail "the tokenizer's settings are lost"
grep -q '"tokenizer_config.json"' settings/manifest.json || fail "the tokenizer's settings are no part of the run"
ok "recipes, packing, compressed files"

# What is wrong with a record stops the program and names the place, or is left out and counted.
turn() { printf '{"from": "%s", "value": "%s"}' "$1" "$2"; }
conversation() { printf '{"conversations": [%s]}\n' "$1"; }
good=$(conversation "$(turn human Hi), $(turn gpt Hello)")
bad_record() {  # FAULT RECORD: a file whose second record is bad
    { echo "$good"; echo "$2"; echo "$good"; } >bad.jsonl
    expect 1 finetune --data bad.jsonl --batch 2 --out x
    says "bad.jsonl:2" "$1"
    [ ! -e x ] || fail "something was written"
    expect 0 finetune --data bad.jsonl --batch 2 --skip-bad --out skipped
    grep -q "left out: 1 $1" out || fail "not counted: $(cat out)"
    rm -rf skipped
}
bad_record empty_turn "$(conversation "$(turn human Hi), $(turn gpt ' ')")"
bad_record wrong_order "$(conversation "$(turn gpt Hi), $(turn human Hello)")"
bad_record unknown_role "$(conversation "$(turn nobody Hi), $(turn gpt Hello)")"
bad_record no_answer "$(conversation "$(turn human Hi)")"
bad_record malformed '{"conversations": ['
bad_record missing_field '{"text": "Hi"}'
{ echo "$good"; conversation "$(turn human "a ###Human: b"), $(turn gpt c)"; } >bad.jsonl
expect 1 finetune --data bad.jsonl --batch 1 --out x
says "bad.jsonl:2" "ambiguous" "its text spells marks of the template"
pair() { printf '{"prompt": "%s", "chosen": "%s", "rejected": "%s"}\n' "$@"; }
{ pair Hi Hello No; pair Hi Same Same; pair Bye Hello No; } >bad.jsonl
expect 1 align --data bad.jsonl --batch 2 --out x
says "bad.jsonl:2" identical
expect 0 align --data bad.jsonl --batch 2 --skip-bad --out skipped --stop-after 1
grep -q "left out: 1 identical" out || fail "not counted: $(cat out)"
{ pair Hi Hello No; pair Bye "a ###Human: b" No; } >bad.jsonl
expect 1 finetune --data bad.jsonl --preferences --batch 2 --out x
says "bad.jsonl:2" ambiguous
cp pairs.jsonl twice.jsonl
expect 0 align --data pairs.jsonl twice.jsonl --skip-bad --stop-after 1 --out once
grep -q "left out: 1 files that are there twice" out || fail "not said: $(cat out)"
long=$(printf 'Once upon a time %.0s' {1..80})
{ echo "$good"; conversation "$(turn human Hi), $(turn gpt "$long")"; } >long.jsonl
expect 0 finetune --data long.jsonl --batch 1 --stop-after 1 --out long
grep -q "left out: 2 turns in no window" out || fail "what fits no window is not said: $(cat out)"
expect 0 finetune --data long.jsonl --recipe crystalchat --batch 1 --stop-after 1 --out ends
grep -q "tokens beyond a window" out || fail "what is cut off is not said: $(cat out)"
conversation "$(turn human Hi), $(turn gpt Hello), $(turn human Bye)" >open.jsonl
expect 0 finetune --data open.jsonl --recipe crystalchat --batch 1 --stop-after 1 --context 8 --out open
grep -q "left out: 1 turns in no window" out || fail "a turn that nobody answers is learned from: $(cat out)"
expect 0 align --context 20 --batch 8 --stop-after 1 --template raw --out short
grep -qE "left out: .*tokens cut off" out || fail "what is cut off is not said: $(cat out)"
ok "records with a fault"

# Options that do not fit.
refuses() {  # TEXT... -- COMMAND...
    local texts=()
    while [ "$1" != -- ]; do texts+=("$1"); shift; done
    shift
    expect 1 "$@"
    says "${texts[@]}"
    [ ! -e x ] || fail "something was written"
}
refuses "'nobody'" vicuna -- finetune --template nobody --out x
refuses "<|sys_start|>" -- finetune --template crystalchat --out x
refuses "c_attn" "q_proj" -- finetune --lora-rank 2 --lora-targets c_attn --out x
refuses "nothing.jsonl" -- finetune --data nothing.jsonl --out x
refuses "48 windows" "48 are to be held out" -- finetune --hold-out 48 --out x
refuses "no/config.json" -- "$programs/finetune" --model no --data talk.jsonl --out x
expect 1 finetune --recipe nobody --out x
grep -q "amberchat" err || fail "the recipes are not listed: $(cat err)"
refuses "the last rate is 0.1" "the highest, 0.001" -- finetune --floor 0.1 --out x
refuses "a warm-up of 6 steps" "all 6" -- finetune --warmup 6 --out x
refuses "epochs of 48 items are too many" -- finetune --epochs 4611686018427387904 --out x
refuses "model: its context is 512" "--context 600" -- finetune --context 600 --out x
refuses "--out is empty" -- finetune --out ""
refuses "--evaluate-every needs --hold-out" -- finetune --evaluate-every 2 --out x
refuses "talk.jsonl: there is nothing to train on in 12 tokens" "'human_assistant'" -- finetune --context 12 --out x
refuses "512 ranks" -- finetune --comm threads --ranks 512 --lanes 8 --out x
mkdir -p mine && echo precious >mine/metrics.jsonl
expect 1 finetune --out mine
says "mine/metrics.jsonl: is not of a run"
[ "$(cat mine/metrics.jsonl)" = precious ] || fail "somebody's file is lost"
rm mine/metrics.jsonl
cp -r sft/checkpoints mine
expect 1 finetune --out mine
says "mine/checkpoints/step_" "there is no manifest.json"
refuses "--lora-alpha" "give --lora-rank" -- finetune --lora-alpha 4 --out x
refuses "--packed puts several answers into a window" -- finetune --recipe ambersafe --packed --out x
expect 1 align --label-smoothing 0.7 --out x
expect 1 align --loss ipo --label-smoothing 0.1 --out x
says "label_smoothing"
expect 1 finetune --out "finetune.0" "${shared[@]}" --batch 4
says "finetune.0/manifest.json" "'batch'"
expect 1 align --lanes 32 --batch 16 --out lanes
says "pairs must stay together"
for file in config.json model.safetensors; do
    cp -r model broken
    head -c 300 "model/$file" >"broken/$file"
    expect 1 "$programs/finetune" --model broken --data talk.jsonl --out x
    says "broken/$file"
    rm -rf broken
done
ok "options and files that do not fit"
