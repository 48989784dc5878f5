#!/usr/bin/env python3
"""Writes memorization.safetensors: sequences, and what `transformers` writes after the first half of each.

    python3 -m venv venv && venv/bin/pip install -r tests/golden/requirements.txt
    venv/bin/python tests/golden/make_memorization.py        # writes tests/golden/memorization.safetensors

The model is tests/models/stories260K in float64, the tokenizer tests/text/data/tok512.model. `tokens` [N, 64] int32: windows
of a story that the model writes at temperature 0, from places within it; what the model writes after prompts of its own,
some tokens exchanged, so that scores are high and matches go on behind a mismatch; texts that it does not know; random ids.
`written` [N, 32] int32 is `generate(do_sample=False, num_beams=1, max_new_tokens=32, eos_token_id=None)` after the first
32, `score` [N] F64 the mean of matches by position. `stop` [1] int32 is a token that ends texts in a second call, which
fills up with id 0; `stopped_matches` [N, 32] uint8 are the matches then. At each step of each sequence the two largest
logits are at least `MARGIN` apart, so that rounding decides nothing.
"""

import pathlib
import random

import safetensors.torch
import sentencepiece
import torch
from transformers import LlamaForCausalLM

from double import in_double

HERE = pathlib.Path(__file__).resolve().parent
MODEL = HERE.parent / "models" / "stories260K"
MARGIN = 2e-3
K = L = 32
UNKNOWN = [
    "The harbour master wrote down the name of every ship, its cargo and the hour at which it left, for forty years.",
    "Mix the flour with the salt, rub in the butter with cold hands and add the water slowly until it holds together.",
]


def generate(model, prompts, **options):
    return model.generate(
        prompts, attention_mask=torch.ones_like(prompts), do_sample=False, num_beams=1, max_new_tokens=L, **options
    )[:, prompts.shape[1] :]


def greedy(model, prompts):
    return generate(model, prompts, eos_token_id=None, pad_token_id=None)


def smallest_margin(model, sequence):
    logits = model(sequence[None, :-1]).logits[0, -L:]
    first, second = logits.topk(2).values.unbind(-1)
    return (first - second).min().item()


def candidates(model, tokenizer):
    draw = random.Random(11)
    story = tokenizer.encode((MODEL / "expected_temp0_200.txt").read_text())
    for start in range(0, len(story) - K - L + 1, 9):
        yield story[start : start + K + L]
    starts = ["Once upon a time there was a big dog who", "One day Tom went to the park with his mom and", "Sara had a red"]
    for start in starts:
        prompt = torch.tensor([tokenizer.encode(start)])
        while prompt.shape[1] < 96:
            prompt = torch.cat((prompt, greedy(model, prompt)), 1)
        for changes in [0, 1, 3, 8]:
            begin = draw.randrange(prompt.shape[1] - K - L + 1)
            known = prompt[0, begin : begin + K]
            sequence = torch.cat((known, greedy(model, known[None])[0])).tolist()
            for at in draw.sample(range(K, K + L), changes):
                sequence[at] = (sequence[at] + 1 + draw.randrange(500)) % 512
            yield sequence
    for text in UNKNOWN:
        yield (tokenizer.encode(text) + tokenizer.encode(UNKNOWN[0]))[: K + L]
    for _ in range(2):
        yield [draw.randrange(512) for _ in range(K + L)]


def main():
    tokenizer = sentencepiece.SentencePieceProcessor(model_file=str(HERE.parent / "text" / "data" / "tok512.model"))
    model = in_double(LlamaForCausalLM.from_pretrained(MODEL))
    with torch.no_grad():
        sequences = torch.tensor(list(candidates(model, tokenizer)))
        written = greedy(model, sequences[:, :K])
        clear = [smallest_margin(model, torch.cat((s[:K], w))) > MARGIN for s, w in zip(sequences, written)]
        sequences, written = sequences[clear], written[clear]
        stop = int(written.flatten().bincount().argmax())
        stopped = generate(model, sequences[:, :K], eos_token_id=stop, pad_token_id=0)
        stopped = torch.nn.functional.pad(stopped, (0, L - stopped.shape[1]))
    truth = sequences[:, K:]
    matches = written == truth
    tensors = {
        "score": matches.double().mean(1),
        "stop": torch.tensor([stop], dtype=torch.int32),
        "tokens": sequences.int(),
        "written": written.int(),
        "stopped_matches": (stopped == truth).to(torch.uint8),
    }
    safetensors.torch.save_file({name: t.contiguous() for name, t in tensors.items()}, HERE / "memorization.safetensors")
    print(f"{len(clear)} sequences, {len(sequences)} kept, stop {stop}, scores {tensors['score'].tolist()}")


main()
