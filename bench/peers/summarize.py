#!/usr/bin/env python3
"""Prints the tables of compare_pytorch.sh and compare_gpu.sh from their runs.jsonl: medians over the rounds, and ours
against each peer.

A ratio is the median of the ratios of neighbouring runs, so a machine that slows down for a while slows both.
"""
import json
import statistics
import sys

runs = {}  # (size, variant) -> results in order
for line in open(sys.argv[1]):
    run = json.loads(line)
    runs.setdefault((run["size"], run["variant"]), []).append(run["result"])
torch = next(r[0] for (_, variant), r in runs.items() if variant != "lapidary")
ours = {size: r for (size, variant), r in runs.items() if variant == "lapidary"}
peak = max(r["peak_GFLOP/s"] for results in ours.values() for r in results)
if "gpu" in torch:
    print(f"PyTorch {torch['torch']}, bf16, {torch['gpu']}; peak {peak / 1e3:.0f} TFLOP/s of products in bf16.\n")
else:
    print(f"PyTorch {torch['torch']}, fp32, {torch['threads']} threads; peak {peak:.0f} GFLOP/s of fused multiply-adds.\n")
for size in ours:  # models are compared only with their equals
    if len({r.get("parameters") for (s, _), results in runs.items() if s == size for r in results}) > 1:
        raise SystemExit(f"the models of size {size} have different numbers of parameters")
print("| size | program | tokens/s, median (best) | ours / this | of peak | peak MiB |")
print("| --- | --- | --- | --- | --- | --- |")
for (size, variant), results in runs.items():
    rate = [r["tokens/s"] for r in results]
    best = max(r["best_tokens/s"] for r in results)
    ratio = "(tried once)"
    if not variant.startswith("try:"):
        ratio = f"{statistics.median(o['tokens/s'] / r for o, r in zip(ours[size], rate)):.2f}"
    fraction = statistics.median(r["GFLOP/s"] for r in results) / peak
    memory = max(r["peak_bytes"] for r in results) / 2**20
    parts = f", {results[0]['micro_batch']} at once" if "micro_batch" in results[0] else ""
    print(f"| {size} | {variant}{parts} | {statistics.median(rate):.0f} ({best:.0f}) | {ratio} | {fraction:.0%} | {memory:.0f} |")
