#!/usr/bin/env bash
# report: a page of a run, with what is there of it; samples; events for TensorBoard; what it refuses.
source "$(dirname "$0")/../support/programs.sh" "$@"

printf '/*!\n * Chart.js v3.9.1\n * Released under the MIT License\n */\n' >charts.js  # nothing is drawn here
report() {
    local set=()
    [[ " $* " == *" --charts "* ]] || set+=(--charts charts.js)
    [[ " $* " == *" --threads "* ]] || set+=(--threads 1)
    "$programs/report" "${set[@]}" "$@"
}
# holds FILE TEXT...: the file has every text.
holds() {
    local text
    for text in "${@:2}"; do grep -qF -- "$text" "$1" || fail "$1 does not hold '$text'"; done
}

expect 0 report --help
for option in --run --prompt --tensorboard --charts; do grep -q -- $option out || fail "--help without $option"; done

corpus 300 >corpus.jsonl
prepare --tokenizer "$tokenizer" --input corpus.jsonl --chunks 80 --context 32 --validation 0.02 --out data >/dev/null
pretrain --run run --data data --steps 8 "${nano[@]}" >out

expect 0 report --run run --data data
[ -s run/report.html ] || fail "there is no page"
grep -q "^run/report.html: [0-9]* kB" out || fail "$(cat out)"
for missing in "evaluation: No scores yet: \`evaluate" "memorization: .*\`memorize" "samples: .*\`report"; do
    grep -q "^$missing" out || fail "no '$missing': $(cat out)"
done
holds run/report.html '<!doctype html>' 'Released under the MIT License' '"logged":8' '"planned_steps":8' '"model":"amber"' \
    "$(sha256sum <data/chunk_000.safetensors | cut -c1-64)" "$(sha256sum <run/checkpoints/ckpt_001/SHA256SUMS | cut -c1-64)"
grep -qE 'src="|https?://[^w]' run/report.html && fail "the page names something outside itself"
cp run/report.html first
expect 0 report --run run --data data --out again.html
cmp first again.html
ok "a page, the same every time"

expect 0 report --run run --out without.html
grep -q "^data: .*--data DIR" out || fail "$(cat out)"
ok "data that is not at hand"

# Samples: those of a checkpoint that is known are kept.
sample=(report --run run --data data --prompt "a b" --prompt "</script><b>" --max-tokens 8)
expect 0 "${sample[@]}" --tensorboard
[ "$(grep -c '"texts"' run/analysis/samples.json)" -eq 2 ] || fail "$(cat run/analysis/samples.json)"
[ -s run/analysis/tensorboard/events.out.tfevents.0000000000.lapidary ] || fail "no events"
[ "$(grep -o '</script>' run/report.html | wc -l)" -eq 3 ] || fail "a prompt ends the page's script"
cp run/analysis/samples.json samples
rm run/analysis/samples.json
expect 0 "${sample[@]}" --threads 3
cmp samples run/analysis/samples.json
awk '/"texts": \[/ && !done { print; getline; print "        \"kept\","; done = 1; next } { print }' samples >run/analysis/samples.json
expect 0 "${sample[@]}"
holds run/report.html '"kept"'
mkdir -p run/checkpoints/ckpt_007
expect 0 "${sample[@]}"
grep -q "warning: 6 checkpoints skipped" err || fail "$(cat err)"
rmdir run/checkpoints/ckpt_007
expect 0 "${sample[@]}" --seed 9 --tensorboard events
grep -q kept run/analysis/samples.json && fail "samples of another seed are kept"
[ -s events/events.out.tfevents.0000000000.lapidary ] || fail "no events"
ok "samples and events"

# A page that cannot be made leaves the one that is there.
cp run/report.html first
sed -i '3s/loss/lo\x01ss/' run/metrics.jsonl
expect 1 report --run run --data data
says "metrics.jsonl:3"
cmp first run/report.html
sed -i '3s/lo\x01ss/loss/' run/metrics.jsonl
printf '{"step":8,"tok' >>run/metrics.jsonl
expect 0 report --run run --data data
holds run/report.html '"logged":8' '"cut":true'
expect 1 report --run nowhere
says nowhere "neither manifest.json nor metrics.jsonl"
mkdir empty
cp run/manifest.json empty
expect 0 report --run empty --out empty.html
grep -q "^training: No step is logged yet" out || fail "$(cat out)"
expect 1 report --run run --charts none.js
says none.js libjs-chart.js
expect 1 report --run run --charts corpus.jsonl
says corpus.jsonl "not Chart.js"
echo '{"format":"lapidary evaluation 1","check' >run/analysis/evaluation.json
expect 1 report --run run
says evaluation.json "line 1"
rm run/analysis/evaluation.json
cp -r data other
echo >>other/data.json
expect 1 report --run run --data other
says other/data.json "not the data of this run"
ok "damaged and missing files"
