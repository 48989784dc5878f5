#!/usr/bin/env bash
# The two programs that the README shows as samples.
source "$(dirname "$0")/../support/programs.sh" "$@"

corpus 300 >corpus.jsonl
prepare --tokenizer "$tokenizer" --input corpus.jsonl --chunks 20 --context 32 --validation 0.02 --out data >/dev/null

expect 0 "$programs/quickstart" data new/out
[ "$(grep -c '"gradient_norm"' new/out/metrics.jsonl)" -eq 200 ] || fail "not one record a step"
(cd new/out/ckpt_000 && sha256sum --quiet --strict -c SHA256SUMS) || fail "the checkpoint is damaged"
before=$(sums new)
expect 1 "$programs/quickstart" data new/out
grep -q "OUT exists" err || fail "quickstart does not say that OUT exists: $(cat err)"
[ ! -s out ] || fail "quickstart trains before it looks at OUT"
[ "$before" = "$(sums new)" ] || fail "a refused start changed what was there"
expect 1 "$programs/quickstart" nowhere other
[ ! -e other ] || fail "quickstart leaves a directory behind where there are no data"
ok "quickstart, twice"

expect 0 "$programs/own_model" data whole 60
verified whole
[ "$(ls whole/checkpoints | tr '\n' ' ')" = "step_50 step_60 " ] || fail "checkpoints $(ls whole/checkpoints)"
grep -q "^The history of" out || fail "own_model writes nothing: $(cat out)"
expect 0 "$programs/own_model" data resumed 20
expect 0 "$programs/own_model" data resumed 60
grep -q "going on from resumed/checkpoints/step_20" out || fail "did not resume: $(cat out)"
for checkpoint in step_50 step_60; do same {whole,resumed}/checkpoints/$checkpoint; done
ok "own_model, resumed"
