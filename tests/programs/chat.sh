#!/usr/bin/env bash
# chat as a user meets it: turns from the command line and from a pipe, the end of an answer, templates, what it refuses.
source "$(dirname "$0")/../support/programs.sh" "$@"

expect 0 "$programs/chat" --help
grep -q -- --template out || fail "no help"

mkdir model
cp "$test_data"/models/stories260K/{config.json,model.safetensors} model
cp "$tokenizer" model/tokenizer.model
# chat ARGUMENT...: with the template of a card.
chat() { "$programs/chat" --model model --template human_assistant --max-tokens 40 "$@"; }

# Turns from the command line, from lines of a pipe, with CRLF, empty lines and no line end at the end: one dialogue.
expect 0 chat --prompt "Once upon a time" --prompt "And then?"
[ ! -s err ] || fail "notes where there is nothing to note: $(cat err)"
[ "$(wc -l <out)" -ge 2 ] && [ "$(wc -c <out)" -gt 100 ] || fail "two answers are too short: $(cat out)"
mv out wanted
printf 'Once upon a time\r\n\n  \nAnd then?' >lines
expect 0 chat <lines
cmp out wanted || fail "lines of a pipe give another dialogue"
[ ! -s err ] || fail "a pipe gets prompt signs or notes: $(cat err)"
printf 'Once upon a time\n/quit\nAnd then?\n' | chat >out
head -c "$(wc -c <out)" wanted | cmp - out || fail "/quit does not end, or changes what came before"
[ "$(wc -c <out)" -lt "$(wc -c <wanted)" ] || fail "/quit does not end"
mv out first
printf 'Once upon a time\n/reset\nOnce upon a time\n' | chat >out
cat first first | cmp - out || fail "/reset does not begin anew"
printf 'Once upon a time\nOnce upon a time\n' | chat >out
cat first first | cmp -s - out && fail "the second turn does not know of the first"
expect 0 chat </dev/null
[ ! -s out ] || fail "answers where nothing was said: $(cat out)"
ok "turns from the command line and from a pipe"

chat --seed 3 --prompt Hi >a
chat --seed 3 --prompt Hi --threads 2 >b
chat --seed 4 --prompt Hi >c
chat --seed 3 --prompt Hi --system "You are a red ball." >d
cmp a b || fail "other threads, other answer"
cmp -s a c && fail "another seed, the same answer"
cmp -s a d && fail "another system text, the same answer"
ok "an answer repeats by its seed"

# A model that goes on with the user's next turn: its answer ends before. Trained to say one line again and again.
for i in $(seq 60); do printf '{"text": "###Human: Hi\\n###Assistant: Hello there\\n###Human: Hi\\n###Assistant: Hello there\\n###Human: Hi"}\n'; done >talk.jsonl
prepare --tokenizer "$tokenizer" --input talk.jsonl --chunks 1 --context 64 --out data >/dev/null
pretrain --data data --run run --steps 60 "${nano[@]}" --peak 5e-3 >/dev/null
last=run/checkpoints/$(ls -t run/checkpoints | head -1)
generate --model "$last" --prompt "###Human: Hi
###Assistant:" --max-tokens 40 --temperature 0 2>/dev/null | tail -n +3 >out
grep -q "###Human:" out || fail "the model was to go on with the user's turn: $(cat out)"
say=("$programs/chat" --model "$last" --threads 1 --max-tokens 24 --temperature 0)
expect 0 "${say[@]}" --template human_assistant --prompt Hi --prompt Hi
[ "$(cat out)" = $'Hello there\nHello there' ] || fail "not one line an answer: $(cat out)"
ok "an answer ends before the mark of the next turn"

# The context is 64 tokens, of which 24 are for an answer.
printf 'Hi\n%.0s' 1 2 3 4 5 6 7 8 >lines
expect 0 "${say[@]}" --template human_assistant <lines
[ "$(sort -u out)" = "Hello there" ] && [ "$(wc -l <out)" -eq 8 ] || fail "the dialogue breaks off: $(cat out)"
grep -q "^chat: no room for the oldest 2 turns any more$" err || fail "nothing tells of turns that are left out: $(cat err)"
expect 1 "${say[@]}" --template human_assistant --prompt Hi --prompt "$(cat lines lines lines | tr '\n' ' ')"
says "the turn takes" "there is room for 40"
[ "$(cat out)" = "Hello there" ] || fail "the turn before the one that is too long: $(cat out)"
expect 1 "$programs/chat" --model "$last" --template human_assistant --max-tokens 64 --prompt Hi
says "answers of up to 64 tokens" "the context of 64"
ok "a dialogue that outgrows the context"

# The template that the checkpoint was trained with.
cp -r "$last" tuned
chmod -R u+w tuned
sed -i 's/"cursor": {/"cursor": {"template": "human_assistant",/; s/,}/}/' tuned/state/state.json
grep -q '"template": "human_assistant"' tuned/state/state.json || fail "the test no longer knows state.json: $(cat tuned/state/state.json)"
expect 0 "$programs/chat" --model tuned --threads 1 --max-tokens 24 --temperature 0 --prompt Hi
[ "$(cat out)" = "Hello there" ] && [ ! -s err ] || fail "the recorded template is not taken: $(cat out err)"
sed -i 's/human_assistant/wolf/' tuned/state/state.json
expect 1 "$programs/chat" --model tuned --prompt Hi
says "there is no template 'wolf', only vicuna"
expect 0 "$programs/chat" --model model --threads 1 --max-tokens 4 --prompt Hi
says "records no template; taking vicuna"
ok "the template of the checkpoint"

refused() {
    expect 1 "$programs/chat" "${@:2}" --prompt Hi
    says "$1"
    [ ! -s out ] || fail "an answer in spite of it: $(cat out)"
}
refused "no template 'wolf', only vicuna, human_assistant, crystalchat" --model model --template wolf
refused "'crystalchat' needs the token '<|sys_start|>', and the tokenizer has none" --model model --template crystalchat
refused "nowhere/config.json" --model nowhere --template raw
cp -r model bare && rm bare/tokenizer.model
refused "bare: has neither tokenizer.model nor tokenizer.json" --model bare --template raw
cp -r model small && sed -i 's/"vocab_size": 512/"vocab_size": 500/' small/config.json
refused "small: the tokenizer has 512 tokens, the model 500" --model small --template raw
expect 1 "$programs/chat" --prompt Hi
grep -q -- "--model is required" err || fail "$(cat err)"
for option in "--max-tokens 0" "--temperature -1" "--top-p 0" "--top-p 1.5" "--top-k -1"; do
    expect 1 "$programs/chat" --model model $option --prompt Hi
done
ok "what it refuses"

# Ctrl-C while it writes: the answer ends, the dialogue goes on.
mkfifo turns
"$programs/chat" --model model --threads 1 --template raw --temperature 0 --max-tokens 500 <turns >out 2>err &
talking=$!
children+=($talking)
exec 3>turns
echo "Once upon a time" >&3
for ((i = 0; i < 400; ++i)); do [ -s out ] && break || sleep 0.05; done
kill -INT $talking
echo "/reset" >&3
echo "Once upon a time" >&3
exec 3>&-
code=0
wait $talking || code=$?
[ $code -eq 0 ] || fail "exit code $code after Ctrl-C: $(cat err)"
[ "$(grep -c . out)" -ge 2 ] || fail "no answer after Ctrl-C: $(cat out)"
ok "Ctrl-C"
