#!/usr/bin/env bash
# Damaged, hostile and missing files, given to every program but prepare: exit code 1, one line that names the program, the file and
# the place, and nothing that was there before is changed.
source "$(dirname "$0")/../support/programs.sh" "$@"

cases=0
# refuses "TEXT|TEXT..." COMMAND...: the line on stderr holds every text; `place` stays as it is.
refuses() {
    local texts before
    IFS='|' read -ra texts <<<"$1"
    shift
    before=$(sums place)
    expect 1 "$@"
    says "${texts[@]}"
    [ "$before" = "$(sums place)" ] || fail "changed what was there: $*"
    cases=$((cases + 1))
}

mkdir place
corpus 300 >place/corpus.jsonl
make_data() { prepare --tokenizer "$tokenizer" --input place/corpus.jsonl --chunks 80 --context 32 --validation 0.02 --out "$1" >/dev/null; }
make_data place/data
train=(pretrain --steps 7 "${nano[@]}")
"${train[@]}" --data place/data --run place/run --stop-after 5 >/dev/null
cp -r place/run/checkpoints/step_00000005 place/model
tokens 2 3 1 2 3 4 5 6 >place/tokens.safetensors
echo text >place/file

head -c 3000 /dev/urandom >place/garbage.model

# pretrain: data
go=("${train[@]}" --run place/new)
refuses "place/nothing/data.json" "${go[@]}" --data place/nothing
damage() {  # damage NAME: a copy of the data to be damaged
    rm -rf place/data_$1
    cp -r place/data place/data_$1
}
damage bit
flip place/data_bit/chunk_007.safetensors 1500
refuses "place/data_bit/chunk_007.safetensors|SHA-256" "${go[@]}" --data place/data_bit
damage held_out
flip place/data_held_out/valid.safetensors 900
refuses "place/data_held_out/valid.safetensors" "${go[@]}" --data place/data_held_out
damage cut
truncate -s 1000 place/data_cut/chunk_003.safetensors
refuses "place/data_cut/chunk_003.safetensors" "${go[@]}" --data place/data_cut
damage missing
rm place/data_missing/chunk_079.safetensors
refuses "place/data_missing/chunk_079.safetensors" "${go[@]}" --data place/data_missing
# An id beyond the vocabulary, in a file whose hash is right: the last token of the last window.
damage id
chunk=place/data_id/chunk_002.safetensors
windows=$(sed -nE 's/.*"windows_per_chunk": ([0-9]+).*/\1/p' place/data_id/data.json)
old=$(sha256sum <$chunk | cut -c-64)
printf '\xff\xff' | dd of=$chunk bs=1 seek=$(($(stat -c %s $chunk) - 4 * windows - 2)) conv=notrunc status=none
sed -i "s/$old/$(sha256sum <$chunk | cut -c-64)/" place/data_id/data.json
refuses "$chunk: row $((windows - 1)) column 32: token 65535 is outside the vocabulary of 512" "${go[@]}" --data place/data_id
damage json
truncate -s 200 place/data_json/data.json
refuses "place/data_json/data.json: line" "${go[@]}" --data place/data_json
damage key
sed -i '/"context"/d' place/data_key/data.json
refuses "place/data_key/data.json: 'context' is missing" "${go[@]}" --data place/data_key
refuses "batch of 4000" pretrain --preset nano --batch 4000 --run place/new --data place/data
rm -r place/data_*
ok "pretrain on damaged data"

# pretrain: its run
refuses "place/file" "${train[@]}" --data place/data --run place/file/run
refuses "place/none/config.json" "${go[@]}" --data place/data --init place/none
broken() {  # broken NAME TEXTS: the copy of the run is refused by the texts
    refuses "place/run_$1$2" "${train[@]}" --data place/data --run place/run_$1
    rm -r place/run_$1
}
spoil() { cp -r place/run place/run_$1; newest=place/run_$1/checkpoints/step_00000005; }
spoil bit
flip $newest/model.safetensors 100000
broken bit "/checkpoints/step_00000005/model.safetensors: SHA-256"
spoil moment
flip $newest/state/moments.safetensors 200000
broken moment "/checkpoints/step_00000005/state/moments.safetensors: SHA-256"
spoil cut
truncate -s 100000 $newest/model.safetensors
broken cut "/checkpoints/step_00000005/model.safetensors"
spoil step
sed -i 's/"step": 5/"step": 7/' $newest/state/state.json
broken step "/checkpoints/step_00000005/state/state.json: SHA-256"
spoil json
echo '{' >$newest/state/state.json
broken json "/checkpoints/step_00000005/state/state.json: line"
spoil missing
rm $newest/model.safetensors
broken missing "/checkpoints/step_00000005/model.safetensors: is missing"
spoil shape
cp -r place/run/checkpoints/step_00000005/config.json $newest/extra.json
broken shape "/checkpoints/step_00000005/extra.json: is not in"
spoil manifest
truncate -s 100 place/run_manifest/manifest.json
broken manifest "/manifest.json: line"
spoil sums
flip $newest/SHA256SUMS 64
broken sums "/checkpoints/step_00000005/SHA256SUMS: line 1"
ok "pretrain on a damaged run"

# logits and generate: the model
draw=(generate --prompt word --max-tokens 5)
look=(logits --tokens place/tokens.safetensors --out place/new)
spoil_model() { rm -rf place/other && cp -r place/model place/other; }
spoil_model
rm place/other/tokenizer.model
refuses "place/other|tokenizer.model" "${draw[@]}" --model place/other
cp place/garbage.model place/other/tokenizer.model
refuses "place/other/tokenizer.model" "${draw[@]}" --model place/other
spoil_model
rm place/other/config.json
refuses "place/other/config.json" "${draw[@]}" --model place/other
refuses "place/other/config.json" "${look[@]}" --model place/other
spoil_model
sed -i '/"rms_norm_eps"/d' place/other/config.json
refuses "place/other/config.json|rms_norm_eps" "${look[@]}" --model place/other
for change in hidden_size:1048576 vocab_size:2147483647 num_hidden_layers:4096 num_attention_heads:0 hidden_size:-128 \
    hidden_size:1e400 rms_norm_eps:null 'model_type:"gpt2"'; do
    spoil_model
    key=${change%%:*}
    sed -i -E "s/\"$key\": [^,]*/\"$key\": ${change#*:}/" place/other/config.json
    refuses "place/other/" "${look[@]}" --model place/other
    refuses "place/other/" "${draw[@]}" --model place/other
done
spoil_model
truncate -s 50000 place/other/model.safetensors
refuses "place/other/model.safetensors" "${draw[@]}" --model place/other
refuses "place/other/model.safetensors" "${look[@]}" --model place/other
truncate -s 0 place/other/model.safetensors
refuses "place/other/model.safetensors" "${look[@]}" --model place/other
little_endian 8 $((1 << 62)) >place/other/model.safetensors
refuses "place/other/model.safetensors" "${look[@]}" --model place/other
rm place/other/model.safetensors
refuses "place/other/model.safetensors" "${draw[@]}" --model place/other
ok "logits and generate on damaged models"

# logits: the tokens
refused_tokens() { refuses "place/bad.safetensors$1" logits --model place/model --tokens place/bad.safetensors --out place/old; }
echo "an older result" >place/old
tokens 2 3 1 2 3 4 512 6 >place/bad.safetensors
refused_tokens "|[1, 1] is 512|512"
tokens 2 3 1 2 -3 4 5 6 >place/bad.safetensors
refused_tokens "|[0, 2] is -3"
tokens 1 33 $(seq 33) >place/bad.safetensors
refused_tokens "|[1, 33]|32"
tokens 1 0 >place/bad.safetensors
refused_tokens "|[1, 0]"
tokens 2 3 1 2 3 4 5 >place/bad.safetensors
refused_tokens "|tokens"
echo garbage >place/bad.safetensors
refused_tokens ""
sed 's/tokens/others/' place/tokens.safetensors >place/bad.safetensors
refused_tokens "|'tokens'"
sed 's/I32/F32/' place/tokens.safetensors >place/bad.safetensors
refused_tokens "|F32"
rm place/bad.safetensors
refused_tokens ""
refuses "place/file" logits --model place/model --tokens place/tokens.safetensors --out place/file/out
refuses "place/model" logits --model place/model --tokens place/tokens.safetensors --out place/model
ok "logits of bad tokens"

# generate: the options
refuses "prompt" generate --model place/model --prompt "$(printf 'word %.0s' {1..50})"
refuses "temperature" generate --model place/model --prompt word --temperature -1
refuses "temperature" generate --model place/model --prompt word --temperature nan
refuses "top_p" generate --model place/model --prompt word --top-p 0
refuses "max" generate --model place/model --prompt word --max-tokens -1
ok "generate with bad options"
echo "$cases bad inputs refused, nothing changed"
