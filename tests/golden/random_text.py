"""The random texts of tests/text/random_text.hpp."""

import numpy as np

WORDS = [
    "the", " the", "The", " of", " and", "ing", "Hello", " world", "don't", "we'll", "I'VE", "x86_64", "naïve",
    "Straße", "日本語", "привет", "मानक", "🙂", "👩‍👩‍👧", "é", "e\u0301", "ﬁ", "ǅ", "Å", "½", "²", "٣", "Ⅷ", "①", "⁇", "▁", "�", "\u00A0", "\u200B",
    "<s>", "</s>", "<unk>", "<|endoftext|>", "<|fim_prefix|>", "|||MAIL|||", "<mask>", "<sep>", "solo", "<0x0A>",
    "def f(x):\n    return x\n", "\r\n", "\t\t", "1234567", "3.14", "...", "!?", "``", "''", "--", "$", "\"",
]  # fmt: skip
RUNS = [" ", "a", "\n", "0", ".", "é", "日", "\u3000", "=", "\t"]
MASK = (1 << 64) - 1


def philox(counter, key):
    """Philox 4x32-10 on arrays of counters: four arrays of uint64 below 2^32, in and out."""
    c0, c1, c2, c3 = (np.asarray(c, dtype=np.uint64) for c in counter)
    low, shift = np.uint64(0xFFFFFFFF), np.uint64(32)
    k0, k1 = int(key[0]), int(key[1])
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2
        c0, c1, c2, c3 = (p1 >> shift) ^ c1 ^ np.uint64(k0), p1 & low, (p0 >> shift) ^ c3 ^ np.uint64(k1), p0 & low
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c0, c1, c2, c3


def stream(seed, purpose, items, elements):
    """Random words [items, elements, 4] of Philox(seed, purpose, item).bits(element)."""
    name = 0xCBF29CE484222325
    for byte in purpose.encode():
        name = ((name ^ byte) * 0x100000001B3) & MASK
    mixed = philox((name & 0xFFFFFFFF, name >> 32, 0, 0), (seed & 0xFFFFFFFF, seed >> 32))
    item = np.asarray(items, dtype=np.uint64)[:, None]
    element = np.arange(elements, dtype=np.uint64)[None, :]
    zero = np.zeros((item.shape[0], elements), dtype=np.uint64)
    words = philox((element + zero, zero, item + zero, zero), (int(mixed[0]), int(mixed[1])))
    return np.stack(words, axis=-1)


def unit(r):
    kind = r[0] % 16
    if kind == 0:
        return chr(r[1] % 0x80).encode()
    if kind == 1:
        point = r[1] % (0x110000 - 0x800)
        return chr(point if point < 0xD800 else point + 0x800).encode()
    if kind == 2:
        return chr(0x80 + r[1] % 0x3000).encode()
    if kind == 3:
        return chr(0x10000 + r[1] % 0x4000).encode()
    if kind == 4:
        return chr(0x300 + r[1] % 0x70).encode()
    if kind == 5:
        return chr(0x1100 + r[1] % 0x100).encode()
    if kind == 6:
        return chr(0xAC00 + r[1] % 0x2BA4).encode()
    if kind == 7:
        return (RUNS[r[1] % len(RUNS)] * (r[2] % 40 + 1)).encode()
    if kind == 8:
        return r[1].to_bytes(4, "little")[: r[2] % 4 + 1]
    if kind == 9:
        return str(r[1] >> (r[2] % 32)).encode()
    if kind == 10:
        return b" " * (1 + r[2] % 4)
    return WORDS[r[1] % len(WORDS)].encode()


def random_texts(items):
    """The bytes of those random texts."""
    words = stream(2024, "text", items, 24).tolist()
    return [b"".join(unit(r) for r in row[1 : row[0][0] % 24 + 1]) for row in words]


def random_ids(items, size):
    """Random ids below `size`, a list for each item."""
    words = stream(2024, "ids", items, 24).tolist()
    return [[r[1] % (size if r[0] % 2 == 0 else min(size, 300)) for r in row[1 : row[0][0] % 24 + 1]] for row in words]
