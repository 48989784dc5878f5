#!/usr/bin/env bash
# Runs that are verified, bad steps, and evaluation while a run trains.
source "$(dirname "$0")/../support/programs.sh" "$@"

verify() { "$programs/verify" "$@"; }
corpus 300 >corpus.jsonl
prepare --tokenizer "$tokenizer" --input corpus.jsonl --chunks 4 --context 32 --validation 0.02 --out data >/dev/null
train() { pretrain --data data --steps 20 --lanes 2 --checkpoint-every 5 "${nano[@]}" "$@" >out 2>err; }
train --run run || fail "$(cat err)"
[ "$(grep -c '"chain"' run/digests.jsonl)" -eq 20 ] || fail "not a digest a step"
train --run ranks --stop-after 7 --comm threads --ranks 2 --zero 3
train --run ranks --threads 3
cmp run/digests.jsonl ranks/digests.jsonl || fail "ranks or resuming change the digests"
train --run plain --digest-every 0
[ ! -e plain/digests.jsonl ] || fail "digests that nobody asked for"
same run/checkpoints plain/checkpoints
ok "digests"

passes() { expect 0 verify "$@" && grep -q "^PASS: $text" out || fail "no 'PASS: $text': $(cat out)"; }
differs() { expect 1 verify "$@" && grep -q "^FAIL: .*$text" out || fail "no 'FAIL: $text': $(cat out)"; }
text="5 steps give 6 recorded states and 1 checkpoints" passes --run run --data data --threads 2
text="20 steps give 20 recorded states and 4 checkpoints" passes --run run --data data --from 0 --threads 1
text="10 steps give 11 " passes --run run --data data --from step_00000005 --to 15 --comm threads --ranks 2 --zero 2
text="20 steps give 0 recorded states and 4 checkpoints" passes --run plain --data data --from 0
ln -s "$PWD/data" run/data
text="4 chunks and 4 checkpoints match their hashes, the chain of 20 " passes --run run --data
[ "$(grep -c '"verdict": "PASS"' run/analysis/verification.json)" -eq 4 ] || fail "$(cat run/analysis/verification.json)"
ok "honest runs pass"

cp -r run other
rm other/data && cp -r data other/data
flip other/data/chunk_002.safetensors 3000
text="chunk_002.safetensors" differs --run other
text="chunk_002.safetensors" differs --run other --data
rm -r other/data && ln -s "$PWD/data" other/data
flip other/checkpoints/step_00000015/state/moments.safetensors 9000
text="moments.safetensors" differs --run other --data
text="moments.safetensors" differs --run other --from 0
rm -r other/checkpoints/step_00000015
text="" passes --run other --from 0
sed -i 's/"peak": 0.0003/"peak": 0.00031/' other/manifest.json
text="step 1: 'learning_rate' is recorded as" differs --run other --from 0
grep -q '"step": 1' other/analysis/verification.json || fail "$(cat other/analysis/verification.json)"
ok "what was changed is found"

train --run bad --peak 1e30 --warmup 0 --clip 0 && fail "a run goes on without a gradient"
grep -q "step 1: the .* is not finite; its batch and documents are in bad/bad_steps/step_00000001" err || fail "$(cat err)"
for file in batch.safetensors step.json metrics.jsonl; do [ -s bad/bad_steps/step_00000001/$file ] || fail "no $file"; done
[ "$(grep -c '"line":' bad/bad_steps/step_00000001/step.json)" -ge 4 ] || fail "no documents: $(cat bad/bad_steps/step_00000001/step.json)"
train --run bad --peak 1e30 --warmup 0 --clip 0 --on-bad-step skip && fail "a run leaves out one step after the other"
grep -q "step 11: .* 10 times in a row: it is not the batch" err || fail "$(cat err)"
[ "$(grep -c '"action": "skip"' bad/manifest.json)" -eq 10 ] || fail "$(cat bad/manifest.json)"
cmp bad/checkpoints/step_00000005/model.safetensors bad/checkpoints/step_00000010/model.safetensors
text="10 steps give 10 recorded states and 2 checkpoints" passes --run bad --data data --from 0 --to 10
expect 0 "$programs/trace" --run bad --data data --step 3
grep -q "it was left out: " out || fail "$(cat out)"
ok "steps that are not finite never reach the weights"

leap() { pretrain --data data --steps 170 --lanes 2 --checkpoint-every 20 "${nano[@]}" --spike-deviations 1.2 --on-bad-step rewind "$@" >out 2>err; }
leap --run leap || fail "$(cat err)"
grep -q "going back to the last whole chunk" out || fail "no step leapt: $(cat out)"
leap --run again --stop-after 131 && leap --run again --threads 2 || fail "$(cat err)"
rm -r again/checkpoints/step_00000131 again/bad_steps/checkpoints leap/bad_steps/checkpoints 2>/dev/null || true
same leap/checkpoints again/checkpoints
leap --run shared_leap --comm threads --ranks 2 --zero 2 || fail "$(cat err)"
same leap/checkpoints shared_leap/checkpoints
cmp leap/digests.jsonl again/digests.jsonl
text="170 steps give 170 recorded states" passes --run leap --data data --from 0
back=$(sed -n 's/.*"back_to": \([0-9]*\).*/\1/p' leap/manifest.json | tail -n 1)
next=$(sed -n 's/.*"next_batch": \([0-9]*\).*/\1/p' leap/manifest.json | tail -n 1)
[ "$next" -gt "$back" ] || fail "no batch was left out"
ok "a leap: back to the last whole chunk, past the batches since then, the same when it is done again"

printf '{"question":"Who?","choices":["the dog","a cat"],"answer":0}\n{"context":"Once","choices":["upon","off"],"answer":0}\n' >own.jsonl
train --run asked --evaluate-every 10 --choices own.jsonl || fail "$(cat err)"
[ "$(wc -l <asked/analysis/evaluation.jsonl)" -eq 2 ] || fail "$(cat asked/analysis/evaluation.jsonl)"
train --run shared --evaluate-every 10 --choices own.jsonl --comm threads --ranks 2 --zero 3 --stop-after 10 || fail "$(cat err)"
train --run shared --evaluate-every 10 --choices own.jsonl || fail "$(cat err)"
cmp asked/analysis/evaluation.jsonl shared/analysis/evaluation.jsonl || fail "ranks change an answer"
same run/checkpoints asked/checkpoints
expect 0 "$programs/evaluate" --model asked/checkpoints/step_00000010 --choices own.jsonl --out later.json
value() { grep -o '"acc[^}]*}' "$1" | head -n 1 | tr -d ' \n'; }
[ "$(head -n 1 asked/analysis/evaluation.jsonl | value /dev/stdin)" = "$(tr -d '\n' <later.json | value /dev/stdin)" ] ||
    fail "evaluate says otherwise: $(cat asked/analysis/evaluation.jsonl later.json)"
expect 1 pretrain --run no --data data "${nano[@]}" --evaluate-every 5
grep -q "nothing to do: give --tasks" err || fail "$(cat err)"
ok "evaluation while a run trains"

mkdir empty
expect 2 verify --run empty
grep -q "empty/manifest.json: " err || fail "$(cat err)"
train --run young --stop-after 1
rm -r young/checkpoints/*
expect 2 verify --run young --data data
grep -q "the run has no complete checkpoint yet" err || fail "$(cat err)"
expect 2 verify --run run --from 3
grep -q "there is no checkpoint at step 3 to replay from" err || fail "$(cat err)"
expect 2 verify --run plain --data data --from 0 --to 3 --device cuda
grep -qE "was trained on a CPU|without CUDA" err || fail "$(cat err)"
rm plain/metrics.jsonl
expect 2 verify --run plain --data data --from 0 --to 3
grep -q "nothing to compare these steps with" err || fail "$(cat err)"
expect 2 verify --run run --from ckpt_900
grep -q "there is no checkpoint 'ckpt_900'" err || fail "$(cat err)"
ok "what cannot be verified"
