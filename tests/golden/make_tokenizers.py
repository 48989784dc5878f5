#!/usr/bin/env python3
"""Writes small tokenizers and what Hugging Face `tokenizers` and SentencePiece make of random texts with them.

    python3 -m venv venv && venv/bin/pip install -r tests/golden/requirements.txt
    venv/bin/python tests/golden/make_tokenizers.py        # writes tests/text/data/tokenizers/

The tokenizers are trained on the public-domain novels of examples/corpus, so they are own data. They have the
parts of the real ones: those of GPT-2, GPT-NeoX (also Pythia, MPT), Falcon, LLaMA with added tokens (also
CrystalCoder), newer LLaMA conversions (Metaspace), and a pattern like GPT-4's with pairs of merges.

golden.json holds for each tokenizer, and for ../tok512.model, digests over blocks of 1000 items of random_text.py:
the first 16 digits of the SHA-256 of
  ids:   of every text its ids, 32 bits each, then -1;
  texts: of every text the UTF-8 of its decoded ids, then a byte 255;
  random: the same for random ids.
`ids` has 100 blocks, the others 10. `planes` are digests of ids as above, for every plane of Unicode: of texts of 64
code points each, all but surrogates, among others. `cases` are texts for people to read, with ids and decoded text.
"""

import hashlib
import json
import pathlib
import subprocess

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from random_text import random_ids, random_texts

HERE = pathlib.Path(__file__).resolve().parent
OUT = HERE.parent / "text" / "data" / "tokenizers"
SIZE = 1000
GPT4 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
        r"|\s+(?!\S)|\s+")  # fmt: skip
CASES = [
    "", " ", "Hello world", "  two  spaces", "It's Alice's; they'll", "x = 3.14159\n\n\tfoo(bar)\r\n", "naïve café — “quoted”",
    "日本語と한국어", "🙂👩‍👩‍👧", "e\u0301 A\u030A \u1100\u1161\u11A8", "1234567 ½² ٣", "a<s>b</s> <unk>", "  <mask>  x <sep>  y", "solo solos, solo", "|||MAIL||| at |||MAIL|||x",
    "<|fim_prefix|>def<|fim_prefix|>", "<|endoftext|>", "<0x0A>", "▁a ▁", "\u0000\u0001\u007F", "\uFFFD", " " * 30 + "x", "\n" * 9,
]  # fmt: skip


def corpus():
    lines = subprocess.run(["zstd", "-dc", HERE.parents[1] / "examples/corpus/book.jsonl.zst"], capture_output=True, check=True)
    return [json.loads(line)["text"] for line in lines.stdout.splitlines()]


def trained(pre_tokenizer, normalizer=None, alphabet=(), special=(), **model):
    tokenizer = Tokenizer(models.BPE(**model))
    tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    trainer = trainers.BpeTrainer(vocab_size=SIZE, initial_alphabet=list(alphabet), special_tokens=list(special),
                                  limit_alphabet=400, show_progress=False)  # fmt: skip
    tokenizer.train_from_iterator(corpus(), trainer)
    return tokenizer


def byte_level(**options):
    return pre_tokenizers.ByteLevel(add_prefix_space=False, **options)


def gpt2():
    tokenizer = trained(byte_level(), alphabet=pre_tokenizers.ByteLevel.alphabet(), special=["<|endoftext|>"])
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def neox():
    tokenizer = trained(byte_level(), normalizers.NFC(), pre_tokenizers.ByteLevel.alphabet(), ["<|endoftext|>", "<|padding|>"])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_tokens([AddedToken(" " * n, normalized=True) for n in range(24, 1, -1)])
    return tokenizer


def falcon():
    stages = [pre_tokenizers.Punctuation("contiguous"), byte_level(), pre_tokenizers.Digits(individual_digits=False),
              pre_tokenizers.Split(Regex("[0-9][0-9][0-9]"), "isolated")]  # fmt: skip
    tokenizer = trained(pre_tokenizers.Sequence(stages), alphabet=pre_tokenizers.ByteLevel.alphabet(),
                        special=[">>TITLE<<", "<|endoftext|>"])  # fmt: skip
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def gpt4():
    stages = [pre_tokenizers.Split(Regex(GPT4), "isolated"), byte_level(use_regex=False)]
    tokenizer = trained(pre_tokenizers.Sequence(stages), alphabet=pre_tokenizers.ByteLevel.alphabet(), ignore_merges=True,
                        special=["<|endoftext|>"])  # fmt: skip
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def llama():
    byte_tokens = [f"<0x{byte:02X}>" for byte in range(256)]
    tokenizer = trained(pre_tokenizers.Metaspace(prepend_scheme="always"), special=["<unk>", "<s>", "</s>", *byte_tokens],
                        unk_token="<unk>", fuse_unk=True, byte_fallback=True)  # fmt: skip
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
                                           decoders.Strip(" ", 1, 0)])  # fmt: skip
    file = json.loads(tokenizer.to_str())
    file["pre_tokenizer"] = None
    file["added_tokens"] = [token for token in file["added_tokens"] if token["content"] not in byte_tokens]
    tokenizer = Tokenizer.from_str(json.dumps(file))
    tokenizer.add_tokens([
        AddedToken("<|fim_prefix|>", normalized=False, special=True), AddedToken("|||MAIL|||", normalized=True),
        AddedToken("<mask>", lstrip=True, normalized=False), AddedToken("<sep>", rstrip=True, normalized=False),
        AddedToken("solo", single_word=True, normalized=False)])  # fmt: skip
    return tokenizer


def metaspace():
    file = json.loads(llama().to_str())
    file["normalizer"] = None
    file["pre_tokenizer"] = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False}
    tokens = set(file["model"]["vocab"])
    for byte in range(0x80, 0x100, 3):  # so that some characters are unknown
        file["model"]["vocab"][f"<no{byte}>"] = file["model"]["vocab"].pop(f"<0x{byte:02X}>")
    assert len(tokens) == len(file["model"]["vocab"])
    return Tokenizer.from_str(json.dumps(file))


def short(digest):
    return digest.hexdigest()[:16]


def plane_digest(encode, plane):
    digest = hashlib.sha256()
    for start in range(plane << 16, (plane + 1) << 16, 64):
        characters = [chr(point) for point in range(start, start + 64) if not 0xD800 <= point < 0xE000]
        row = encode("".join(f"a{c}1{c} {c}\u0301\u0323!" for c in characters))
        digest.update(b"".join(token.to_bytes(4, "little") for token in row) + b"\xff" * 4)
    return short(digest)


def golden(encode, decode, size, to_input):
    result = {"ids": [], "texts": [], "random": []}
    for block in range(100):
        items = range(1000 * block, 1000 * block + 1000)
        ids = [encode(to_input(text)) for text in random_texts(items)]
        digest = hashlib.sha256()
        for row in ids:
            digest.update(b"".join(token.to_bytes(4, "little") for token in row) + b"\xff" * 4)
        result["ids"].append(short(digest))
        if block < 10:
            for key, rows in (("texts", ids), ("random", random_ids(items, size))):
                digest = hashlib.sha256()
                for row in rows:
                    digest.update(decode(row).encode() + b"\xff")
                result[key].append(short(digest))
    result["planes"] = [plane_digest(encode, plane) for plane in range(17)]
    result["cases"] = [[text, encode(text), decode(encode(text))] for text in CASES]
    return result


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    results = {}
    for make in (gpt2, neox, falcon, gpt4, llama, metaspace):
        name = make.__name__
        tokenizer = make()
        text = json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, separators=(",", ":"))
        if name not in ("gpt4", "metaspace"):  # merges as older files have them
            file = json.loads(text)
            file["model"]["merges"] = [" ".join(pair) for pair in file["model"]["merges"]]
            text = json.dumps(file, ensure_ascii=False, separators=(",", ":"))
        (OUT / f"{name}.json").write_text(text + "\n")
        tokenizer = Tokenizer.from_str(text)
        results[name] = golden(
            lambda text: tokenizer.encode(text, add_special_tokens=False).ids,
            lambda ids: tokenizer.decode(ids, skip_special_tokens=True),
            max(tokenizer.get_vocab().values()) + 1,
            lambda raw: raw.decode("utf-8", "replace"),
        )
    model = sentencepiece.SentencePieceProcessor(model_file=str(HERE.parent / "text/data/tok512.model"))
    results["sentencepiece"] = golden(model.encode, model.decode, model.get_piece_size(), lambda raw: raw)
    rows = ",\n".join(f" {json.dumps(name)}: {json.dumps(value, ensure_ascii=True)}" for name, value in results.items())
    (OUT / "golden.json").write_text("{\n" + rows + "\n}\n")


main()
