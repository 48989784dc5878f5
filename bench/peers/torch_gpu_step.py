#!/usr/bin/env python3
"""The training step of bench_gpu_step in PyTorch on one GPU, as its users would run it at its best.

The same LLaMA-shaped models with as many parameters: RMSNorm, rotary embedding, causal attention by
scaled_dot_product_attention, SwiGLU, an untied head, mean cross entropy, gradient clipping, fused AdamW; one product
computes q, k and v, and one gate and up. The optimizer works on fp32 weights and fp32 moments, as in lapidary:

  --weights master    the model's weights and gradients are bf16, the optimizer has fp32 copies: 16 bytes a parameter.
                      (lapidary sums gradients in fp32.)
  --weights autocast  the model's weights and gradients are fp32, products cast them: 16 bytes a parameter, and casts.

A micro-batch that does not fit is halved, and gradients are accumulated. Prints one line of JSON; times are wall times
of whole steps.
"""
import argparse
import gc
import json
import math
import statistics
import time

SIZES = {  # layers, width, heads, inner, context
    "7b": (32, 4096, 32, 11008, 2048), "3b": (36, 2560, 20, 6912, 2048), "1b": (22, 2048, 16, 5632, 2048),
    "m": (12, 768, 12, 2048, 512), "s": (6, 384, 6, 1024, 256)}  # fmt: skip

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("size", choices=SIZES)
parser.add_argument("--batch", type=int, default=4, help="sequences a step")
parser.add_argument("--micro-batch", type=int, default=0, help="sequences in flight; 0: as many as fit")
parser.add_argument("--weights", choices=["master", "autocast"], default="master")
parser.add_argument("--attention", choices=["flash", "cudnn", "any"], default="any")
parser.add_argument("--compile", choices=["model", "blocks", "none"], default="model", help="what torch.compile compiles")
parser.add_argument("--warmup", type=int, default=3, help="steps that are not timed")
parser.add_argument("--steps", type=int, default=10, help="timed steps")
args = parser.parse_args()

import torch
import torch.nn.functional as F
from torch import nn

LAYERS, WIDTH, HEADS, INNER, TIME = SIZES[args.size]
VOCABULARY, HEAD = 32000, WIDTH // HEADS
STORED = torch.bfloat16 if args.weights == "master" else torch.float32
free_at_start = torch.cuda.mem_get_info()[0]


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
        q, k = rotate(q, cosine, sine).to(v.dtype), rotate(k, cosine, sine).to(v.dtype)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.output(mixed.transpose(1, 2).reshape(x.shape))
        gate, up = self.gate_up(self.norm2(x)).chunk(2, -1)
        return x + self.down(F.silu(gate) * up)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm, self.head = nn.RMSNorm(WIDTH, eps=1e-6), nn.Linear(WIDTH, VOCABULARY, bias=False)
        angle = torch.outer(torch.arange(TIME).float(), 10000.0 ** (-torch.arange(0, HEAD, 2).float() / HEAD))
        self.register_buffer("cosine", angle.cos())
        self.register_buffer("sine", angle.sin())
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)

    def loss(self, x, targets):
        return F.cross_entropy(self.head(self.norm(x)).float().flatten(0, 1), targets.flatten())

    def forward(self, tokens, targets):  # [B, T]
        x = self.embedding(tokens).bfloat16()
        for block in self.blocks:
            x = block(x, self.cosine, self.sine)
        return self.loss(x, targets)


class MasterAdamW:
    """AdamW on fp32 copies of bf16 weights, part by part, so that fp32 gradients exist for one part at a time."""

    def __init__(self, parts, **options):
        self.parts = [[p for p in part.parameters()] for part in parts]
        self.masters = [[p.detach().float() for p in part] for part in self.parts]
        self.optimizers = [torch.optim.AdamW(masters, fused=True, **options) for masters in self.masters]

    def step(self):
        for part, masters, optimizer in zip(self.parts, self.masters, self.optimizers):
            for p, master in zip(part, masters):
                master.grad, p.grad = p.grad.float(), None
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            with torch.no_grad():
                torch._foreach_copy_(part, masters)


def train(micro_batch):
    torch.manual_seed(1)
    with torch.device("cuda"):
        torch.set_default_dtype(STORED)
        model = Model()
        torch.set_default_dtype(torch.float32)
    parameters = list(model.parameters())
    options = dict(lr=3e-4, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1)
    if args.weights == "master":
        optimizer = MasterAdamW([model.embedding, *model.blocks, model.norm, model.head], **options)
    else:
        optimizer = torch.optim.AdamW(parameters, fused=True, **options)
    if args.compile == "model":
        model.compile(dynamic=False)
    elif args.compile == "blocks":  # one compilation serves all of them
        model.loss = torch.compile(model.loss, dynamic=False)
        for block in model.blocks:
            block.compile(dynamic=False)
    tokens = (VOCABULARY * torch.rand(args.batch, TIME + 1, device="cuda") ** 3).long().clamp(max=VOCABULARY - 1)
    losses, seconds = [], []
    for _ in range(args.warmup + args.steps):
        torch.cuda.synchronize()
        start, total = time.perf_counter(), 0.0
        for part in tokens.split(micro_batch):
            with torch.autocast("cuda", torch.bfloat16, enabled=args.weights == "autocast"):
                loss = model(part[:, :-1], part[:, 1:]) * (len(part) / args.batch)
            loss.backward()
            total += loss.detach()
        nn.utils.clip_grad_norm_(parameters, 1.0, foreach=True)
        optimizer.step()
        if args.weights == "autocast":
            optimizer.zero_grad(set_to_none=True)
        losses.append(total.item())
        torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return sum(p.numel() for p in parameters), losses, seconds[args.warmup :]


torch.set_float32_matmul_precision("high")
if args.attention != "any":
    torch.backends.cuda.enable_flash_sdp(args.attention == "flash")
    torch.backends.cuda.enable_cudnn_sdp(args.attention == "cudnn")
    torch.backends.cuda.enable_mem_efficient_sdp(False)
    torch.backends.cuda.enable_math_sdp(False)
micro_batch, result = args.micro_batch or args.batch, None
while result is None:
    try:
        result = train(micro_batch)
    except torch.cuda.OutOfMemoryError:
        if micro_batch == 1:
            raise
    if result is None:  # outside of the handler, which keeps what did not fit
        micro_batch = (micro_batch + 1) // 2
        gc.collect()
        torch._dynamo.reset()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
count, losses, timed = result
if not all(math.isfinite(loss) for loss in losses) or losses[-1] > losses[0]:
    raise SystemExit(f"the loss must fall: {losses}")

name, rate = torch.cuda.get_device_name(), args.batch * TIME / statistics.median(timed)
peak = 989.4e12 if "H100" in name or "H200" in name else 312e12 if "A100" in name else None
computed = 6 * (LAYERS * (4 * WIDTH * WIDTH + 3 * WIDTH * INNER + WIDTH * TIME) + VOCABULARY * WIDTH)  # a token
result = {
    "size": args.size, "gpu": name, "torch": torch.__version__, "weights": args.weights, "attention": args.attention,
    "compile": args.compile, "parameters": count, "tokens_per_step": args.batch * TIME, "micro_batch": micro_batch,
    "tokens/s": rate, "best_tokens/s": args.batch * TIME / min(timed), "step_seconds": timed, "GFLOP/s": rate * computed / 1e9,
    "peak_bytes": torch.cuda.max_memory_allocated(), "held_bytes": free_at_start - torch.cuda.mem_get_info()[0],
    "loss": [losses[0], losses[-1]]}  # fmt: skip
if peak:
    result["mfu"] = rate * (6 * count + 12 * LAYERS * WIDTH * TIME) / peak
print(json.dumps(result))
