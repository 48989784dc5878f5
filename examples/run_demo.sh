#!/usr/bin/env bash
# From raw text to a language model that writes, in minutes: prepares the bundled corpus, trains an AMBER-shaped model
# on it, stops and resumes on the way, generates text, evaluates it, looks for what it has memorized, trains a part again to
# verify it, and shows the run in one page. Installs what is missing, builds, runs.
#
#   bash examples/run_demo.sh [--chat] [DIRECTORY]     default: build/demo. That of an earlier demo is replaced.
#
# --chat: a second act. Fine-tunes the model on 156 questions with their answers, aligns it with 40 preferences, and talks
# to it.
set -euo pipefail
chat=false
if [ "${1:-}" = --chat ]; then
    chat=true
    shift
fi
directory=${1:+$(realpath -m -- "$1")}
cd "$(dirname "$0")/.."
directory=${directory:-build/demo}
bin=build/release/examples
steps=${LAPIDARY_DEMO_STEPS:-1504}  # one pass over the corpus

say() { printf '\n== %s  [%d:%02d]\n' "$*" $((SECONDS / 60)) $((SECONDS % 60)); }  # with minutes and seconds so far
fail() {
    echo "run_demo: $*" >&2
    exit 1
}

[ -z "$(ls -A "$directory" 2> /dev/null)" ] || [ -e "$directory/prepare.txt" ] ||
    fail "$directory exists and is not from an earlier demo; name another directory"

say "Packages"
bash cmake/install_packages.sh
say "Build"
generator=()
command -v ninja > /dev/null || generator=(-G "Unix Makefiles")
cmake --preset release "${generator[@]}" > /dev/null
programs=(prepare pretrain generate trace evaluate memorize verify report)
if $chat; then programs+=(finetune align chat); fi
cmake --build --preset release --parallel "$(nproc)" --target "${programs[@]}"

rm -rf "$directory"
mkdir -p "$directory"
touch "$directory/prepare.txt"
train() {
    "$bin/pretrain" --run "$directory/run" --data "$directory/data" --preset nano --batch 16 --steps "$steps" \
        --peak 3e-3 --seed 11111 --evaluate-every $((steps / 16)) --choices examples/endings.jsonl "$@"
}

say "Prepare: documents -> tokenizer -> 8 chunks of token windows"
"$bin/prepare" --recipe examples/recipes/corpus.json --train-tokenizer 2048 --tokenizer "$directory/tokenizer.model" \
    --out "$directory/data" | tee "$directory/prepare.txt"

say "Train, and stop after a third of the way"
train --stop-after $((steps / 3))
say "Resume: started again, the run goes on from its last checkpoint"
train

last=$(ls -td "$directory"/run/checkpoints/*/ | head -n 1)
say "Generate with ${last%/}"
for prompt in "The history of the" "def main():" "It was a dark night, and"; do
    "$bin/generate" --model "$last" --prompt "$prompt" --max-tokens 60 --temperature 0.7 --top-p 0.9 --seed 1 \
        2> "$directory/errors.txt" || fail "$(cat "$directory/errors.txt")"
    echo "--"
done

say "Trace: the documents of the first step, and where a text was trained on"
"$bin/trace" --run "$directory/run" --data "$directory/data" --step 0 --limit 3 > "$directory/trace.txt" ||
    fail "trace failed"
head -n 6 "$directory/trace.txt"
"$bin/trace" --run "$directory/run" --data "$directory/data" --text "beginning to get very tired of sitting by her sister" --limit 3

say "Evaluate: which of two endings every checkpoint finds likelier, and the perplexity of a text that it has not seen"
"$bin/evaluate" --run "$directory/run" --choices examples/endings.jsonl --perplexity README.md \
    --out "$directory/run/analysis/evaluation.json" 2> /dev/null | tail -n 6

say "Memorize: what of its data every checkpoint can recite, 100 sequences of each chunk"
"$bin/memorize" --run "$directory/run" --data "$directory/data" --sequences 100

say "Verify: the last eighth of the run once more, on another number of threads"
"$bin/verify" --run "$directory/run" --data "$directory/data" --threads 1 || fail "the run does not repeat"
ln -sfn ../data "$directory/run/data"
"$bin/verify" --run "$directory/run" --data || fail "the files of the run do not match their hashes"

say "Report: the run in one page, with what every checkpoint makes of the prompts"
"$bin/report" --run "$directory/run" --data "$directory/data" --prompt "The history of the" \
    --prompt "def main():" --prompt "It was a dark night, and"

if $chat; then
    say "Fine-tune: the model learns to answer"
    "$bin/finetune" --model "$last" --data examples/instructions.jsonl --template human_assistant --batch 16 --epochs 20 \
        --peak 2e-3 --out "$directory/tuned" || fail "finetune failed"
    tuned=$(ls -d "$directory"/tuned/checkpoints/*/ | tail -n 1)
    say "Align: it learns to prefer polite answers (DPO, adapters of low rank)"
    "$bin/align" --model "$tuned" --data examples/preferences.jsonl --template human_assistant --batch 8 --epochs 3 \
        --warmup 5 --peak 3e-4 --lora-rank 8 --hold-out 8 --merge --out "$directory/aligned" || fail "align failed"
    say "Chat: questions that it was asked in training; talk to it yourself with
   $bin/chat --model $directory/aligned/merged"
    right=0
    for line in 1 3 5 7 9 11 13 15; do
        question=$(sed -nE "${line}s/.*\"instruction\": \"([^\"]*)\".*/\1/p" examples/instructions.jsonl)
        wanted=$(sed -nE "${line}s/.*\"output\": \"([^\"]*)\".*/\1/p" examples/instructions.jsonl)
        answer=$("$bin/chat" --model "$directory/aligned/merged" --temperature 0 --max-tokens 40 --prompt "$question")
        printf '> %s\n%s\n' "$question" "$answer"
        if [ "$answer" = "$wanted" ]; then right=$((right + 1)); fi
    done
    echo "$right of 8 answers are those of the data, word for word"
    [ "$right" -ge 4 ] || fail "the model did not learn to answer"
fi

say "Result"
unigram=$(sed -n 's/.*held out: \([0-9.]*\)).*/\1/p' "$directory/prepare.txt")
reached=$(sed -n 's/.*"validation_loss":\([0-9.]*\).*/\1/p' "$directory/run/metrics.jsonl" | tail -n 1)
(cd "$last" && sha256sum --quiet -c SHA256SUMS) && echo "the last checkpoint matches its hashes"
echo "held-out loss of a model that knows token frequencies only: $unigram nats"
printf 'held-out loss of the trained model:                          %.4f nats\n' "$reached"
awk -v a="$reached" -v b="$unigram" 'BEGIN { exit !(a < b - 1) }' || fail "training did not work"
cat <<END
everything lies in $directory:
  tokenizer.model    the SentencePiece model trained on the corpus
  data/              chunks, held-out windows, data.json, documents.safetensors: which documents every window is from
  run/manifest.json  what defines the run; run/metrics.jsonl: one record a step
  run/analysis/      scores, memorization, samples, verifications
  run/report.html    the run in one page: open it in a browser
  run/checkpoints/   $(ls "$directory/run/checkpoints" | wc -l) Hugging Face directories with state/ and SHA256SUMS
END
