#!/usr/bin/env python3
"""The training step of bench_train_step in plain PyTorch, for comparison: fp32 on the CPU.

A LLaMA-shaped model of size S or M: RMSNorm, rotary embedding, causal attention by scaled_dot_product_attention,
SwiGLU, an untied head, mean cross entropy, AdamW. As in lapidary, one product computes q, k and v, and one computes
gate and up. Unlike it, the gradient's norm is not computed. Prints one line of JSON; times are wall times of whole
steps, in seconds.
"""
import argparse
import json
import math
import resource
import statistics
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("size", choices=["S", "M"])
parser.add_argument("--threads", type=int, default=0, help="0: as PyTorch chooses")
parser.add_argument("--optimizer", choices=["default", "foreach", "fused"], default="default")
parser.add_argument("--compile", action="store_true", help="torch.compile the model")
parser.add_argument("--warmup", type=int, default=2, help="steps that are not timed")
parser.add_argument("--steps", type=int, default=8, help="timed steps")
args = parser.parse_args()

import torch
import torch.nn.functional as F
from torch import nn

LAYERS, WIDTH, HEADS, INNER, BATCH, TIME = {"S": (6, 384, 6, 1024, 8, 256), "M": (12, 768, 12, 2048, 4, 512)}[args.size]
VOCABULARY, HEAD = 32000, 64


def rotate(x, cosine, sine):  # [B, H, T, D]
    low, high = x.chunk(2, -1)
    return torch.cat((low * cosine - high * sine, high * cosine + low * sine), -1)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.RMSNorm(WIDTH, eps=1e-6), nn.RMSNorm(WIDTH, eps=1e-6)
        self.qkv, self.output = nn.Linear(WIDTH, 3 * WIDTH, bias=False), nn.Linear(WIDTH, WIDTH, bias=False)
        self.gate_up, self.down = nn.Linear(WIDTH, 2 * INNER, bias=False), nn.Linear(INNER, WIDTH, bias=False)

    def forward(self, x, cosine, sine):  # [B, T, C]
        q, k, v = self.qkv(self.norm1(x)).view(*x.shape[:2], 3, HEADS, HEAD).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(rotate(q, cosine, sine), rotate(k, cosine, sine), v, is_causal=True)
        x = x + self.output(mixed.transpose(1, 2).reshape(x.shape))
        gate, up = self.gate_up(self.norm2(x)).chunk(2, -1)
        return x + self.down(F.silu(gate) * up)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm, self.head = nn.RMSNorm(WIDTH, eps=1e-6), nn.Linear(WIDTH, VOCABULARY, bias=False)
        angle = torch.outer(torch.arange(TIME), 10000.0 ** (-torch.arange(0, HEAD, 2) / HEAD))
        self.register_buffer("cosine", angle.cos())
        self.register_buffer("sine", angle.sin())
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, tokens, targets):  # [B, T]
        x = self.embedding(tokens)
        for block in self.blocks:
            x = block(x, self.cosine, self.sine)
        return F.cross_entropy(self.head(self.norm(x)).flatten(0, 1), targets.flatten())


if args.threads:
    torch.set_num_threads(args.threads)
torch.manual_seed(1)
model = Model()
options = {} if args.optimizer == "default" else {args.optimizer: True}
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1, **options)
run = torch.compile(model) if args.compile else model
tokens = (VOCABULARY * torch.rand(BATCH, TIME + 1) ** 3).long().clamp(max=VOCABULARY - 1)

losses, seconds = [], []
for step in range(args.warmup + args.steps):
    start = time.perf_counter()
    loss = run(tokens[:, :-1], tokens[:, 1:])
    loss.backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    losses.append(loss.item())
    seconds.append(time.perf_counter() - start)
timed = seconds[args.warmup :]
if not all(math.isfinite(loss) for loss in losses) or losses[-1] > losses[0]:
    raise SystemExit(f"the loss must fall: {losses}")
block_weights = 4 * WIDTH * WIDTH + 3 * WIDTH * INNER
flops = 6 * (LAYERS * (block_weights + WIDTH * TIME) + VOCABULARY * WIDTH)  # a token
rate = BATCH * TIME / statistics.median(timed)
print(json.dumps({
    "size": args.size, "torch": torch.__version__, "threads": torch.get_num_threads(), "optimizer": args.optimizer,
    "compile": args.compile, "tokens/s": rate, "best_tokens/s": BATCH * TIME / min(timed), "GFLOP/s": rate * flops / 1e9,
    "peak_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, "loss": [losses[0], losses[-1]]}))
