#!/usr/bin/env python3
"""Writes fim.json: windows, draws, and what fill-in-the-middle makes of them.

    python3 -m venv venv && venv/bin/pip install -r tests/golden/requirements.txt
    venv/bin/python tests/golden/make_fim.py        # writes tests/golden/fim.json

Written from the description of the procedure in include/lapidary/data/fim.hpp, and shares no code with it: ids, text and
characters are those of Hugging Face `tokenizers`, SentencePiece and Python.

A tokenizer has `file` below tests/text/data, `ids` (prefix, middle, suffix, pad, eos), the size of its `vocabulary` with
them, and windows: [ids, a draw for each segment, expected ids]. A draw is [transformed, spm, first, second, characters]:
two sorted boundaries in a text of so many characters, which C++ has to count in the same way; [0] leaves a segment.
"""

import json
import pathlib
import random

import sentencepiece
from tokenizers import Tokenizer

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE.parent / "text" / "data"
TEXTS = [
    "def add(a, b):\n    return a + b\n\n\nprint(add(1, 22))\n", "  two  spaces at the start, and none at the end",
    "naïve café — “quoted” Straße", "日本語と한국어, привет!", "🙂👩‍👩‍👧 e\u0301 \u1100\u1161", "x", " ", "\n\t\n", "the " * 30,
    "for (int i = 0; i < 10; ++i) {\n\tsum += values[i];  // über\n}\n", "A paragraph of plain words, which goes on until it ends.",
    "\u0001 control\u007f", "", "1234567 3.14159 0x1F",
]  # fmt: skip


class SentencePieceModel:
    def __init__(self, file):
        self.model = sentencepiece.SentencePieceProcessor(model_file=str(file))
        self.size = self.model.get_piece_size()
        self.encode, self.decode = self.model.encode, self.model.decode
        self.piece = self.model.piece_to_id
        self.eos = self.model.eos_id()


class JsonModel:
    def __init__(self, file):
        self.model = Tokenizer.from_file(str(file))
        self.size = max(self.model.get_vocab().values()) + 1
        self.piece = self.model.token_to_id
        self.eos = next(id for id in map(self.model.token_to_id, ("</s>", "<|endoftext|>")) if id is not None)

    def encode(self, text):
        return self.model.encode(text, add_special_tokens=False).ids

    def decode(self, ids):
        return self.model.decode(ids, skip_special_tokens=True)


def split(ids, eos):
    segments = [[]]
    for id in ids:
        if id == eos:
            segments.append([])
        else:
            segments[-1].append(id)
    return segments


def main():
    chance = random.Random(20)
    result = {}
    for name, make, file in (("sentencepiece", SentencePieceModel, "tok512.model"),
                             *((name, JsonModel, f"tokenizers/{name}.json") for name in ("llama", "gpt2", "neox"))):  # fmt: skip
        tokenizer = make(DATA / file)
        prefix, middle, suffix, pad = range(tokenizer.size, tokenizer.size + 4)
        windows = []
        for number in range(16):
            size = chance.choice([9, 40, 97])
            stream = []
            while len(stream) < size:
                stream += [*tokenizer.encode(chance.choice(TEXTS)), tokenizer.eos]
            start = chance.randrange(len(stream) - size + 1) if number % 2 else 0
            window = stream[start : start + size]
            if number == 0:
                window = [tokenizer.eos] * 9
            elif number == 1:
                window = tokenizer.encode("one document that fills all of the window, " * 9)[:size]
            elif number == 2:  # letter by letter, so that it gets shorter and is padded
                window = [tokenizer.piece(letter) for letter in "thethethethe" * 4] + [tokenizer.eos]
            size = len(window)
            draws, parts = [], []
            for segment in split(window[:-1], tokenizer.eos):
                text = tokenizer.decode(segment)
                if not text or "\ufffd" in text or number != 2 and chance.random() < 0.15:
                    # Not text is left whatever is drawn.
                    draws.append([int(bool(segment) and not text or "\ufffd" in text), 0, 0, 0, len(text)])
                    parts.append(segment)
                    continue
                first, second = sorted(chance.randint(0, len(text)) for _ in range(2))
                if number % 5 == 0:
                    first, second = [(0, 0), (0, len(text)), (len(text), len(text)), (0, second), (first, first)][chance.randrange(5)]
                spm = chance.random() < 0.5
                p, m, s = map(tokenizer.encode, (text[:first], text[first:second], text[second:]))
                draws.append([1, int(spm), first, second, len(text)])
                parts.append([prefix, suffix, *s, middle, *p, *m] if spm else [prefix, *p, suffix, *s, middle, *m])
            made = []
            for part in parts:
                made += [*part, tokenizer.eos]
            made = (made + [pad] * size)[:size]
            windows.append([window, draws, made])
        result[name] = {"file": file, "vocabulary": tokenizer.size + 4, "ids": [prefix, middle, suffix, pad, tokenizer.eos], "windows": windows}
    rows = ",\n".join(
        f' "{name}": {{' + ", ".join(f'"{key}": {json.dumps(value)}' for key, value in model.items() if key != "windows") + ', "windows": [\n  '
        + ",\n  ".join(json.dumps(window, separators=(",", ":")) for window in model["windows"]) + "]}"
        for name, model in result.items())  # fmt: skip
    (HERE / "fim.json").write_text("{\n" + rows + "\n}\n")


main()
