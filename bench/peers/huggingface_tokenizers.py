#!/usr/bin/env python3
"""Measures bench_tokenize and Hugging Face `tokenizers` in turns: the same tokenizer.json, text and threads.

    PYTHON bench/peers/huggingface_tokenizers.py FILE.json... [--bench build/bench/bench/bench_tokenize]
        [--text FILE.jsonl] [--threads 1] [--rounds 5]

Each measurement is a process of its own and the best of several passes over the documents; the table has medians
over rounds. Theirs is the faster of `encode_batch` and `encode_batch_fast`, which leaves out the offsets. Without
--text, it is the bundled corpus. That the ids are equal is checked by tests/text/tokenizer_golden.cpp.
"""

import argparse
import gzip
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

CORPUS = pathlib.Path(__file__).resolve().parents[2] / "examples" / "corpus"


def bundled_lines():
    for file in sorted(CORPUS.glob("*.jsonl*")):
        if file.suffix == ".gz":
            yield from gzip.decompress(file.read_bytes()).splitlines()
        elif file.suffix == ".zst":
            yield from subprocess.run(["zstd", "-dc", file], capture_output=True, check=True).stdout.splitlines()
        else:
            yield from file.read_bytes().splitlines()


def measure_theirs(tokenizer_file, text_file):
    """Megabytes a second, in this process; RAYON_NUM_THREADS says on how many threads."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(tokenizer_file)
    texts = [json.loads(line)["text"] for line in open(text_file, "rb")]
    size = sum(len(text.encode()) for text in texts)
    best = float("inf")
    for encode in (tokenizer.encode_batch, tokenizer.encode_batch_fast):
        for _ in range(3):
            start = time.perf_counter()
            encode(texts, add_special_tokens=False)
            best = min(best, time.perf_counter() - start)
    return size / best / 1e6


def theirs(tokenizer_file, text_file, threads):
    environment = {**os.environ, "RAYON_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": "true"}
    command = [sys.executable, __file__, "--measure", tokenizer_file, "--text", text_file]
    return float(subprocess.run(command, env=environment, capture_output=True, check=True, text=True).stdout)


def ours(bench, tokenizer_file, text_file, threads):
    environment = {**os.environ, "LAPIDARY_TOKENIZERS": tokenizer_file, "LAPIDARY_TEXT": text_file, "LAPIDARY_THREADS": str(threads)}
    name = f"{tokenizer_file}/encode/{'one_thread' if threads == 1 else 'all_threads'}"
    command = [bench, "--benchmark_format=json", f"--benchmark_filter=^{name}"]
    run = subprocess.run(command, env=environment, capture_output=True, check=True, text=True)
    return max(row["bytes_per_second"] for row in json.loads(run.stdout)["benchmarks"]) / 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tokenizers", nargs="*")
    parser.add_argument("--bench", default="build/bench/bench/bench_tokenize")
    parser.add_argument("--text")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(measure_theirs(arguments.measure, arguments.text))
        return
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as bundled:
        if arguments.text is None:
            bundled.write(b"\n".join(bundled_lines()) + b"\n")
            bundled.flush()
            arguments.text = bundled.name
        print("| tokenizer | threads | lapidary MB/s | tokenizers MB/s | ratio |\n| --- | --- | --- | --- | --- |")
        for file in arguments.tokenizers:
            rates = [(ours(arguments.bench, file, arguments.text, arguments.threads), theirs(file, arguments.text, arguments.threads))
                     for _ in range(arguments.rounds)]  # fmt: skip
            mine, other = (statistics.median(column) for column in zip(*rates))
            print(f"| {pathlib.Path(file).stem} | {arguments.threads} | {mine:.1f} | {other:.1f} | {mine / other:.1f} |", flush=True)


main()
