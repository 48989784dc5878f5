"""Raw JSON Lines to files of token windows with Hugging Face's `datasets` and `tokenizers`, as its examples do it.

Documents are tokenized in batches by PROCESSES processes, an end-of-sequence id goes after each, the ids of a batch
are laid end to end and cut into windows of context + 1 (what is left of a batch is dropped), and saved to disk. The
last line printed is JSON: seconds from the first file opened to the last written, and windows.

    python datasets_prepare.py --tokenizer tokenizer.json --out DIR FILE...

Needs: datasets, tokenizers, zstandard for .zst (versions used for the figures: bench/RESULTS.md).
"""

import argparse
import json
import shutil
import time

import datasets
from tokenizers import Tokenizer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--context", type=int, default=2048)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--eos", default="</s>")
    options = parser.parse_args()
    tokenizer = Tokenizer.from_file(options.tokenizer)
    eos = tokenizer.token_to_id(options.eos)
    length = options.context + 1
    datasets.disable_progress_bars()
    shutil.rmtree(options.out, ignore_errors=True)

    def tokenize(batch):
        encoded = tokenizer.encode_batch_fast(batch["text"], add_special_tokens=False)
        return {"ids": [one.ids + [eos] for one in encoded]}

    def pack(batch):
        ids = [token for document in batch["ids"] for token in document]
        count = len(ids) // length
        return {"token_ids": [ids[i * length : (i + 1) * length] for i in range(count)]}

    start = time.perf_counter()
    parts = []
    for file in options.files:  # each by itself: other columns than the text differ from file to file
        part = datasets.load_dataset("json", data_files=file, split="train", cache_dir=options.out + "/cache")
        parts.append(part.select_columns("text"))
    texts = datasets.concatenate_datasets(parts)
    ids = texts.map(tokenize, batched=True, num_proc=options.processes, remove_columns=["text"])
    windows = ids.map(pack, batched=True, num_proc=options.processes, remove_columns=["ids"])
    windows.save_to_disk(options.out + "/windows", num_proc=options.processes)
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "windows": len(windows)}))


if __name__ == "__main__":
    main()
