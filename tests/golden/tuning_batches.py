"""Batches for fine-tuning: random ids, and masks of the targets that count."""

import torch

from amber_adamw import START
from common import generator

VOCABULARY = START.config.vocab_size


def draw(source, low, high):
    """An integer between these, both included."""
    return torch.randint(low, high + 1, (1,), generator=source).item()


def make_pairs(count, length, seed, extremes=False):
    """Tokens [2 count, length + 1] and mask [2 count, length] int32: chosen and rejected replies of different lengths
    after the same prompt, padded on the right with id 0; the targets that are the reply's count. `extremes`: the first
    chosen reply is one token, the first rejected one fills the row."""
    source = generator(seed)
    tokens = torch.zeros(2 * count, length + 1, dtype=torch.int32)
    mask = torch.zeros(2 * count, length, dtype=torch.int32)
    for pair in range(count):
        prompt = draw(source, 3, length // 3)
        start = torch.randint(1, VOCABULARY, (prompt,), generator=source, dtype=torch.int32)
        for row in (2 * pair, 2 * pair + 1):
            reply = draw(source, 2, length + 1 - prompt)
            if extremes and pair == 0:
                reply = 1 if row == 0 else length + 1 - prompt
            end = prompt + reply
            tokens[row, :prompt] = start
            tokens[row, prompt:end] = torch.randint(1, VOCABULARY, (reply,), generator=source, dtype=torch.int32)
            mask[row, prompt - 1:end - 1] = 1
    return tokens, mask


def make_conversations(batch, length, seed):
    """The same for supervised tuning: spans of random lengths count in turn with spans that do not; of the last row
    two targets only."""
    source = generator(seed)
    tokens = torch.randint(1, VOCABULARY, (batch, length + 1), generator=source, dtype=torch.int32)
    mask = torch.zeros(batch, length, dtype=torch.int32)
    for row in mask:
        place, counts = 0, 0
        while place < length:
            span = draw(source, 2, 6)
            row[place:place + span] = counts
            place, counts = place + span, 1 - counts
    mask[-1] = 0
    mask[-1, length // 2:length // 2 + 2] = 1
    return tokens, mask
