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
parts.json: what single pre-tokenizers, normalizers and decoders do.

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


PIECES = ["", "a", "  a  b ", "don't stop12 34th", "x1y22z333", "Hi, you... (me)!", "aXbXXc", "X", "XX", "XaX", "\u00bd\u00b2 3", "A-B--C", "fooBarBaz",
          "\u2581a \u2581", "line\n\n next\r\n", "caf\u00e9 \u2014 \u65e5\u672c1\u00e9"]  # fmt: skip


def split(pattern, behavior, invert=False, kind="String"):
    return {"type": "Split", "pattern": {kind: pattern}, "behavior": behavior, "invert": invert}


def parts():
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    metaspace = {"type": "Metaspace", "replacement": "\u2581"}
    behaviors = ["Removed", "Isolated", "Contiguous", "MergedWithPrevious", "MergedWithNext"]
    pre_tokenizers = [byte_level, {**byte_level, "add_prefix_space": True}, {**byte_level, "use_regex": False}]
    for behavior in behaviors:
        pre_tokenizers += [split("X", behavior), split("X", behavior, True), split("[A-Z]", behavior, kind="Regex")]
        pre_tokenizers += [split("(?=[A-Z])", behavior, kind="Regex"), {"type": "Punctuation", "behavior": behavior}]
        pre_tokenizers += [{"type": "Sequence", "pretokenizers": [byte_level, split("\u0120", behavior)]}]
    pre_tokenizers += [{"type": "Digits", "individual_digits": each} for each in (False, True)]
    pre_tokenizers += [{"type": "Sequence", "pretokenizers": [byte_level, {"type": "Digits", "individual_digits": each}]}
                       for each in (False, True)]  # fmt: skip
    pre_tokenizers += [split("^[a-z]|[a-z]$", "Isolated", kind="Regex"), {"type": "Punctuation"}]
    pre_tokenizers += [{**metaspace, "prepend_scheme": scheme, "split": cut} for scheme in ("always", "first", "never")
                       for cut in (True, False)]  # fmt: skip
    normalizers = [
        {"type": "NFC"}, {"type": "Prepend", "prepend": "_"}, {"type": "Replace", "pattern": {"String": "X"}, "content": "yy"},
        {"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": "-"}, {"type": "Replace", "pattern": {"Regex": "(?=[A-Z])"}, "content": "_"},
        {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": " "}, {"type": "Replace", "pattern": {"String": " "}, "content": ""}]},
    ]  # fmt: skip
    fallback = [{"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}]
    decoders = [None, byte_level, {**metaspace, "prepend_scheme": "always", "split": True}, {**metaspace, "prepend_scheme": "never", "split": True},
                {"type": "Sequence", "decoders": fallback}, {"type": "ByteFallback"}]  # fmt: skip
    for content, start in ((" ", 1), (" ", 2), ("a", 1)):
        decoders.append({"type": "Sequence", "decoders": [*fallback, {"type": "Strip", "content": content, "start": start, "stop": 0}]})
    tokens = [[], ["a"], ["\u2581a", "b", "\u2581\u2581c"], ["\u2581", "\u2581", "a"], ["<0xE6>", "<0x97>", "<0xA5>", "a"], ["<0xE6>", "a", "<0x97>"],
              ["<0xE6>", "<0x97>", "<0xA5>", "<0xFF>"], ["\u0120a", "\u00e6\u0139", "\u00a5"], ["\u00e6", "b"], ["<0x20>", "x"], ["a", "a", "b"], ["<0x2>", "<0xaF>", "<0xgg>"]]  # fmt: skip
    result = {"pre_tokenizers": [], "normalizers": [], "decoders": []}
    empty = {"version": "1.0", "added_tokens": [], "model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}}
    for part in pre_tokenizers:
        made = Tokenizer.from_str(json.dumps({**empty, "pre_tokenizer": part})).pre_tokenizer
        result["pre_tokenizers"].append([part, [[text, [piece for piece, _ in made.pre_tokenize_str(text) if piece]] for text in PIECES]])
    for part in normalizers:
        made = Tokenizer.from_str(json.dumps({**empty, "normalizer": part})).normalizer
        texts = [*PIECES, "e\u0301 \u1100\u1161 \u2126 a\u0323\u0307 q\u0307\u0323 \uac00\u11a8 \u0958 \ufb1d"]
        result["normalizers"].append([part, [[text, made.normalize_str(text)] for text in texts]])
    for part in decoders:
        vocabulary = {token: id for id, token in enumerate(sorted({token for row in tokens for token in row}))}
        made = Tokenizer.from_str(json.dumps({**empty, "decoder": part, "model": {"type": "BPE", "vocab": vocabulary, "merges": []}}))
        result["decoders"].append([part, [[row, made.decode([vocabulary[token] for token in row])] for row in tokens]])
    return result


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    rows = ",\n".join(f" {json.dumps(name)}: {json.dumps(value)}" for name, value in parts().items())
    (OUT / "parts.json").write_text("{\n" + rows + "\n}\n")
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
