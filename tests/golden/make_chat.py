#!/usr/bin/env python3
"""Writes chat.json: what the published preparations make of 200 conversations, id by id and label by label.

    python3 -m venv venv && venv/bin/pip install --no-deps fschat==0.2.34
    venv/bin/pip install transformers==4.36.2 sentencepiece==0.1.99 'protobuf==4.25.9' numpy==1.26.4
    venv/bin/python tests/golden/make_chat.py [FINETUNE_DATA]

With a folder that holds dummy_conversation.json (FastChat) and seed_tasks.jsonl (self-instruct), the conversations in
tests/data/chat are cut out of these anew; else the ones there are used. The tokenizer is tests/text/data/tok512.model, as
transformers' LlamaTokenizer loads it, with four control tokens behind its 512 pieces for CrystalChat.

Written from what the preparations do, and shares no code with them or with the library:
- vicuna, vicuna_legacy: FastChat's template; the whole conversation is tokenized, and borders are found by tokenizing each
  round, and the part of it before the answer, on its own, with FastChat's corrections of 2 and, behind the first round where
  the tokenizer is not legacy, 1. They were made for LLaMA's pieces and hold for tok512 too: every mask is compared with one
  found by where the characters of each piece lie.
- human_assistant: tokenized in the same way, borders by characters alone.
- crystalchat: every text tokenized on its own between control ids; alpaca: an answer begins where its prompt, tokenized on
  its own, ends; raw, hh: prompt and last reply tokenized on their own.

Of a form, `examples` are [number of ids, first 16 digits of the SHA-256 of the ids (int32, little endian), ranges of ids that
count]; `tables` are whole: number of the conversation, [piece, id, counts] for each. `split` is FastChat's, of a few
conversations joined to one: [first, number, limit, [[begin, end] of each piece]]. `packed` is CrystalChat's: all examples end
to end in windows of 257 ids, those without a label left out, and the SHA-256 of ids and labels' masks of all.
"""

import hashlib
import json
import pathlib
import struct
import sys

from fastchat.conversation import get_conv_template
from transformers import LlamaTokenizer

HERE = pathlib.Path(__file__).resolve().parent
CHAT = HERE.parent / "data" / "chat"
MODEL = str(HERE.parent / "text" / "data" / "tok512.model")
CONTROL = {"<|sys_start|>": 512, "<|sys_end|>": 513, "<|im_start|>": 514, "<|im_end|>": 515}
BOS, EOS = 1, 2
TABLES = {"vicuna": [0, 1], "vicuna_legacy": [1], "human_assistant": [1], "crystalchat": [1], "alpaca": [124], "raw": [121], "hh": [1]}


def cut(source):
    CHAT.mkdir(exist_ok=True)
    rows = json.loads((source / "dummy_conversation.json").read_text())
    taken = [[row for row in rows if len(row["conversations"]) == turns][:40] for turns in (4, 6, 2)]
    rows = [row for group in zip(*taken) for row in group]
    (CHAT / "sharegpt.json").write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n")
    tasks = [json.loads(line) for line in (source / "seed_tasks.jsonl").read_text().splitlines()]
    lines = [{"instruction": task["instruction"], **task["instances"][0]} for task in tasks]
    lines = [line for line in lines if len(json.dumps(line)) < 1500 and line["output"].strip() and line["instruction"].strip()][:80]
    (CHAT / "alpaca.jsonl").write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))


def conversations():
    """Lists of texts, the user's first, and the input of the first where it has one."""
    for row in json.loads((CHAT / "sharegpt.json").read_text()):
        assert [turn["from"] for turn in row["conversations"]] == ["human", "gpt"] * (len(row["conversations"]) // 2)
        yield [turn["value"] for turn in row["conversations"]], ""
    for line in (CHAT / "alpaca.jsonl").read_text().splitlines():
        row = json.loads(line)
        yield [row["instruction"], row["output"]], row["input"]


def with_input(turns, given, lead):
    return [turns[0] + lead + given, *turns[1:]] if given else turns


def ids_of(tokenizer, text):
    return tokenizer(text, add_special_tokens=False).input_ids


def by_characters(tokenizer, ids, prompt, answers):
    """Counts a piece whose characters reach into an answer, or an end behind one. `prompt`: the text with its ends spelled."""
    spans = []
    start = 0
    for answer in answers:
        start = prompt.index(answer + "</s>", start)
        spans.append((start, start + len(answer) + len("</s>")))
        start += len(answer) + len("</s>")
    data = prompt.encode()
    spans = [(len(prompt[:a].encode()), len(prompt[:b].encode())) for a, b in spans]
    counts, place = [0], 0
    for number, piece in enumerate(tokenizer.convert_ids_to_tokens(ids[1:])):
        if piece.startswith("<0x"):
            piece = bytes([int(piece[3:5], 16)])
        else:
            piece = piece.replace("\u2581", " ").encode()
            if data[place : place + len(piece)] != piece:  # the space that stands in front of a text
                assert piece[:1] == b" ", (piece, data[place : place + 20])
                piece = piece[1:]  # and is of no answer
        assert data[place : place + len(piece)] == piece, (piece, data[place : place + 20])
        place += len(piece)
        counts.append(int(any(piece and begin < place <= end for begin, end in spans)))
    assert place == len(data)
    return counts


def vicuna(tokenizer, turns):
    template = get_conv_template("vicuna_v1.1")
    for i, text in enumerate(turns):
        template.append_message(template.roles[i % 2], text)
    prompt = template.get_prompt()
    ids = tokenizer(prompt).input_ids
    counts = [0] * len(ids)
    done = 1
    for number, turn in enumerate(prompt.split("</s>")[:-1]):
        fewer = number > 0 and not tokenizer.legacy
        before, _ = turn.split(" ASSISTANT: ")
        begin = done + len(tokenizer(before + " ASSISTANT: ").input_ids) - 2 - fewer
        done += len(tokenizer(turn).input_ids) - fewer
        counts[begin:done] = [1] * (done - begin)
    assert done == len(ids)
    assert counts == by_characters(tokenizer, ids, prompt, [" " + text for text in turns[1::2]])
    return ids, counts


def human_assistant(tokenizer, turns):
    prompt = "".join(f"###Human: {q}\n###Assistant: {a}</s>" for q, a in zip(turns[::2], turns[1::2]))
    ids = tokenizer(prompt).input_ids
    return ids, by_characters(tokenizer, ids, prompt, [" " + text for text in turns[1::2]])


def crystalchat(tokenizer, turns):
    system = "You are a helpful and intelligent assistant. Follow the instructions and answer the questions as accurately as possible."
    ids = [BOS, CONTROL["<|sys_start|>"], *ids_of(tokenizer, system), CONTROL["<|sys_end|>"]]
    counts = [0] * len(ids)
    for i, text in enumerate(turns):
        more = ids_of(tokenizer, text)
        ids += more if i % 2 else [CONTROL["<|im_start|>"], *more, CONTROL["<|im_end|>"]]
        counts += [i % 2] * (len(ids) - len(counts))
    return ids + [EOS], counts + [1]


def alpaca(tokenizer, turns, given):
    task = "Below is an instruction that describes a task"
    source = f"{task}, paired with an input that provides further context. " if given else f"{task}. "
    source += f"Write a response that appropriately completes the request.\n\n### Instruction:\n{turns[0]}\n\n"
    source += (f"### Input:\n{given}\n\n" if given else "") + "### Response:"
    ids = tokenizer(source + turns[1] + "</s>").input_ids
    begin = len(tokenizer(source).input_ids)
    return ids, [0] * begin + [1] * (len(ids) - begin)


def prompt_and_reply(tokenizer, prompt, reply):
    prompt, reply = ids_of(tokenizer, prompt), ids_of(tokenizer, reply) + [EOS]
    return prompt + reply, [0] * len(prompt) + [1] * len(reply)


def hh(tokenizer, turns):
    prompt = "".join(f"\n\n{('Human', 'Assistant')[i % 2]}: {text}" for i, text in enumerate(turns[:-1]))
    return prompt_and_reply(tokenizer, prompt + "\n\nAssistant:", " " + turns[-1])


def ranges(counts):
    found, begin = [], None
    for i, count in enumerate([*counts, 0]):
        if count and begin is None:
            begin = i
        elif not count and begin is not None:
            found.append([begin, i])
            begin = None
    return found


def digest(values, form):
    return hashlib.sha256(struct.pack(f"<{len(values)}{form}", *values)).hexdigest()


def split(lengths, limit):
    """FastChat: pieces of pairs of turns; the last pair is lost where it has no room in the piece before it."""
    pieces, begin, length = [], 0, 0
    pairs = [lengths[i] + lengths[i + 1] for i in range(0, len(lengths) - 1, 2)]
    for i, pair in enumerate(pairs):
        if length + pair > limit:
            pieces.append([2 * begin, 2 * i])
            begin, length = i, 0
        elif i == len(pairs) - 1:
            pieces.append([2 * begin, 2 * i + 2])
        length += pair
    return [piece for piece in pieces if piece[0] < piece[1]]


def main():
    if len(sys.argv) > 1:
        cut(pathlib.Path(sys.argv[1]))
    new, legacy = (LlamaTokenizer(MODEL, legacy=legacy) for legacy in (False, True))
    forms = {name: [] for name in TABLES}
    lengths = []
    for turns, given in conversations():
        plain = with_input(turns, given, "\nInput:\n")
        forms["vicuna"].append(vicuna(new, plain))
        forms["vicuna_legacy"].append(vicuna(legacy, plain))
        forms["human_assistant"].append(human_assistant(new, plain))
        forms["crystalchat"].append(crystalchat(new, with_input(turns, given, "\n")))
        forms["alpaca"].append(alpaca(new, turns, given) if len(turns) == 2 else None)
        forms["raw"].append(prompt_and_reply(new, with_input(turns, given, "\n")[0], turns[1]) if len(turns) == 2 else None)
        forms["hh"].append(hh(new, with_input(turns, given, "\n")))
        texts = list(turns)
        lengths.append([len(new(text).input_ids) + 6 for text in texts])
    count = len(lengths)
    assert count == 200

    stream, mask = [], []
    for ids, counts in forms["crystalchat"]:
        stream += ids
        mask += counts
    windows = [(stream[i : i + 257], mask[i + 1 : i + 257]) for i in range(0, len(stream) - 256, 257)]
    kept = [window for window in windows if any(window[1])]

    names = {id: token for token, id in CONTROL.items()}
    lines = ["{"]
    for name, examples in forms.items():
        rows = ["null" if made is None else json.dumps([len(made[0]), digest(made[0], "i")[:16], ranges(made[1])], separators=(",", ":")) for made in examples]
        lines.append(f' "{name}": {{"examples": [\n' + ",\n".join(rows) + '], "tables": [')
        tables = []
        for k in TABLES[name]:
            ids, counts = examples[k]
            pieces = [[names.get(id) or new.convert_ids_to_tokens(id), id, count] for id, count in zip(ids, counts)]
            tables.append(json.dumps([k, pieces], ensure_ascii=False, separators=(",", ":")))
        lines.append(",\n".join(tables) + "]},")
    joined = []
    for first in range(0, 117, 3):
        number = 1 + first % 4
        limit = (200, 330, 470)[first // 3 % 3]
        joined.append([first, number, limit, split(sum(lengths[first : first + number], []), limit)])
    lines.append(' "split": [\n' + ",\n".join(json.dumps(row, separators=(",", ":")) for row in joined) + "],")
    packed = {
        "windows": len(kept), "silent": len(windows) - len(kept), "lost": len(stream) - 257 * len(windows),
        "ids": digest([id for ids, _ in kept for id in ids], "i"), "mask": digest([c for _, counts in kept for c in counts], "B"),
    }  # fmt: skip
    lines.append(f' "packed": {json.dumps(packed)}\n}}')
    (HERE / "chat.json").write_text("\n".join(lines) + "\n")


main()
