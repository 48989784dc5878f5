#!/usr/bin/env python3
"""Writes the golden values that the C++ tests compare with, from PyTorch and Hugging Face transformers.

    python3 -m venv venv && venv/bin/pip install -r tests/golden/requirements.txt
    venv/bin/python tests/golden/make_golden.py            # writes next to this file
    venv/bin/python tests/golden/make_golden.py --check    # and measures how far float32 runs are from it

Everything is seeded and computed on one CPU thread in float64; nothing needs the network. The tests themselves
need neither Python nor PyTorch.

Truly float64: `model.double()` alone is not enough, because the Hugging Face code computes RMSNorm and the rotary
angles in float32 whatever the model's type is. `in_double` replaces these two by the same formulas in float64;
attention runs through scaled_dot_product_attention, which keeps the type. `--check` compares with the untouched
float32 model.

The AdamW fixture holds the float64 run rounded to float32, not the float32 run: it is the value that both an
exact and a float32 implementation approach, and does not depend on the order of sums in one build of PyTorch.
"""

import argparse
import json
import math
import pathlib
import sys

import numpy
import safetensors
import safetensors.torch
import torch
import torch.nn.functional as F
import transformers
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.models.llama import modeling_llama

HERE = pathlib.Path(__file__).resolve().parent
TINY = dict(vocab_size=97, hidden_size=48, intermediate_size=128, num_hidden_layers=3, num_attention_heads=3,
            num_key_value_heads=3, max_position_embeddings=64, rms_norm_eps=1e-6, tie_word_embeddings=False,
            pad_token_id=0)
GQA = dict(vocab_size=61, hidden_size=40, intermediate_size=72, num_hidden_layers=2, num_attention_heads=4,
           num_key_value_heads=2, max_position_embeddings=32, rms_norm_eps=1e-5, tie_word_embeddings=True,
           pad_token_id=None)
# Smaller than TINY, so that first and last parameters fit into the repository.
TRAINED = dict(vocab_size=61, hidden_size=16, intermediate_size=36, num_hidden_layers=2, num_attention_heads=2,
               num_key_value_heads=2, max_position_embeddings=32, rms_norm_eps=1e-6, tie_word_embeddings=False,
               pad_token_id=0)
ADAMW = dict(peak=1e-2, floor=1e-3, warmup_steps=3, total_steps=10, beta1=0.9, beta2=0.95, eps=1e-8,
             weight_decay=0.1, clip=1.0)


def generator(seed):
    return torch.Generator().manual_seed(seed)


def make_model(shape, seed):
    """A float32 model with normal(0, 0.05) matrices and norm gains spread around 1."""
    config = LlamaConfig(**shape, rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
                         attention_bias=False, mlp_bias=False, hidden_act="silu", attention_dropout=0.0,
                         initializer_range=0.05, bos_token_id=1, eos_token_id=2, dtype=torch.float32,
                         attn_implementation="sdpa")
    model = LlamaForCausalLM(config).float().eval()
    source = generator(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=source)
            parameter.copy_(1 + 0.2 * noise if name.endswith("norm.weight") else 0.05 * noise)
        if config.pad_token_id is not None:
            model.model.embed_tokens.weight[config.pad_token_id].zero_()
    return model


class DoubleRmsNorm(torch.nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.weight, self.eps = norm.weight, norm.variance_epsilon

    def forward(self, x):
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps))


class DoubleRotary(torch.nn.Module):
    def __init__(self, config):
        super().__init__()
        self.theta = config.rope_parameters["rope_theta"]
        self.size = config.hidden_size // config.num_attention_heads

    def forward(self, x, position_ids):
        return rotary_angles(position_ids, self.size, self.theta)


def rotary_angles(positions, size, theta):
    """cos and sin [..., size] of the half-split rotary embedding, in float64."""
    frequencies = theta ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)
    angles = positions[..., None].double() * frequencies
    angles = torch.cat((angles, angles), dim=-1)
    return angles.cos(), angles.sin()


def in_double(model):
    """The same weights as a model whose every operation is in float64; the parameter names stay."""
    double = LlamaForCausalLM(model.config).double().eval()
    double.load_state_dict(model.state_dict())
    for layer in double.model.layers:
        layer.input_layernorm = DoubleRmsNorm(layer.input_layernorm)
        layer.post_attention_layernorm = DoubleRmsNorm(layer.post_attention_layernorm)
    double.model.norm = DoubleRmsNorm(double.model.norm)
    double.model.rotary_emb = DoubleRotary(model.config)
    assert all(p.dtype == torch.float64 for p in double.parameters())
    return double


def forward(model, tokens):
    """Logits [B, T, V] of tokens [B, T + 1] without the last, and the mean cross entropy of the next tokens."""
    tokens = tokens.long()
    logits = model(input_ids=tokens[:, :-1], use_cache=False).logits
    return logits, F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())


def make_tokens(shape, vocabulary, seed):
    """Random ids; every sequence has id 0 as an input, once at the start and once inside, and once as a target."""
    tokens = torch.randint(0, vocabulary, shape, generator=generator(seed), dtype=torch.int32)
    flat = tokens.view(-1, shape[-1])
    flat[0, 0] = 0
    flat[:, 5] = 0
    return tokens


def save(name, tensors):
    path = HERE / f"{name}.safetensors"
    safetensors.torch.save_file({key: value.detach().clone().contiguous() for key, value in tensors.items()}, path)


def relative(a, b):
    return ((a.double() - b.double()).norm() / b.double().norm().clamp_min(1e-300)).item()


def loss_fixture(name, shape, batch, seed, check):
    model = make_model(shape, seed)
    model.save_pretrained(HERE / name)
    tokens = make_tokens(batch, shape["vocab_size"], seed + 1)
    double = in_double(model)
    logits, loss = forward(double, tokens)
    loss.backward()
    gradients = {f"grad.{key}": p.grad for key, p in double.named_parameters()}
    if shape["pad_token_id"] is not None:
        assert double.model.embed_tokens.padding_idx == 0 and (tokens[:, :-1] == 0).any()
        assert not gradients["grad.model.embed_tokens.weight"][0].any()
    save(name, {"tokens": tokens, "logits": logits.float(), "loss": loss.reshape(1),
                **{key: value.float() for key, value in gradients.items()}})
    if check:
        loaded = LlamaForCausalLM.from_pretrained(HERE / name, dtype=torch.float32)
        mine, my_loss = forward(loaded, tokens)
        my_loss.backward()
        worst = max((relative(p.grad, gradients[f"grad.{key}"]), key) for key, p in loaded.named_parameters())
        print(f"{name}: loss {loss.item():.12f}, logits up to {logits.abs().max():.3f}; loaded in float32:",
              f"logits off by {(mine - logits).abs().max():.1e}, loss by {abs(my_loss.item() - loss.item()):.1e},",
              f"gradients by {worst[0]:.1e} relative Frobenius ({worst[1]})")
        assert (mine - logits).abs().max() < 1e-5 and worst[0] < 1e-5


def learning_rate(step):
    """AMBER's schedule: linear from exactly 0, then a cosine to the floor."""
    if step < ADAMW["warmup_steps"]:
        return ADAMW["peak"] * step / ADAMW["warmup_steps"]
    if step >= ADAMW["total_steps"]:
        return ADAMW["floor"]
    progress = (step - ADAMW["warmup_steps"]) / (ADAMW["total_steps"] - ADAMW["warmup_steps"])
    return ADAMW["floor"] + 0.5 * (1 + math.cos(math.pi * progress)) * (ADAMW["peak"] - ADAMW["floor"])


def train(model, batches):
    """Ten AdamW steps; one record a step. grad_norm is the global norm before clipping."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.0, betas=(ADAMW["beta1"], ADAMW["beta2"]),
                                  eps=ADAMW["eps"], weight_decay=ADAMW["weight_decay"], foreach=False)
    records = []
    for step, tokens in enumerate(batches):
        optimizer.zero_grad(set_to_none=True)
        loss = forward(model, tokens)[1]
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), ADAMW["clip"], error_if_nonfinite=True)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step)
        optimizer.step()
        records.append({"step": step, "loss": loss.item(), "grad_norm": norm.item(), "lr": learning_rate(step)})
    return records


def drift(a, b, key):
    return max(abs(x[key] - y[key]) for x, y in zip(a, b))


def adamw_fixture(check):
    model = make_model(TRAINED, 301)
    model.save_pretrained(HERE / "llama_tiny_adamw")
    batches = make_tokens((10, 2, 17), TRAINED["vocab_size"], 303)
    double = in_double(model)
    records = train(double, batches)
    final = dict(double.named_parameters())
    save("llama_tiny_adamw", {"tokens": batches, **{f"param.{key}": p.float() for key, p in final.items()}})
    (HERE / "llama_tiny_adamw.json").write_text(json.dumps(
        {"start": "llama_tiny_adamw/", "optimizer": ADAMW, "decay": "all parameters",
         "torch": torch.__version__.split("+")[0], "transformers": transformers.__version__, "steps": records},
        indent=1) + "\n")
    if check:
        start = {key: p.detach().clone() for key, p in model.named_parameters()}
        mine = train(model, batches)
        worst = max((relative(p, final[key]), key) for key, p in model.named_parameters())
        moved = max((p - final[key]).abs().max().item() for key, p in model.named_parameters())
        least = min((relative(start[key], final[key]), key) for key in final)
        norms = [record["grad_norm"] for record in records]
        print(f"llama_tiny_adamw: norms {min(norms):.2f} to {max(norms):.2f}, each tensor moved by {least[0]:.2f}",
              f"or more; float32 drifts by {worst[0]:.1e} relative Frobenius ({worst[1]}), {moved:.1e} in one",
              f"element, losses by {drift(mine, records, 'loss'):.1e},",
              f"norms by {drift(mine, records, 'grad_norm'):.1e}")
        assert worst[0] < 1e-5


def ops_fixture():
    """Single operations in float64: inputs, outputs, the gradient that comes in (dy) and those that go out."""
    source = generator(404)
    out = {}

    def normal(*shape, scale=1.0):
        return (scale * torch.randn(shape, generator=source, dtype=torch.float64)).requires_grad_()

    def record(name, function, **inputs):
        y = function(*inputs.values())
        dy = torch.randn(y.shape, generator=source, dtype=torch.float64)
        gradients = torch.autograd.grad(y, list(inputs.values()), dy)
        out.update({f"{name}.{key}": value for key, value in inputs.items()})
        out.update({f"{name}.y": y, f"{name}.dy": dy})
        out.update({f"{name}.d{key}": value for key, value in zip(inputs, gradients)})

    def rms_norm(x, gain):
        return F.rms_norm(x, gain.shape, gain, 1e-6)

    gain = normal(100)
    record("rms_norm", rms_norm, x=normal(3, 100, scale=3.0), gain=gain)
    small = torch.zeros(3, 100, dtype=torch.float64)  # rows of which eps decides: zero, tiny, constant
    small[1], small[2] = normal(100, scale=1e-4).detach(), 1e-3
    record("rms_norm_small", rms_norm, x=small.requires_grad_(), gain=gain)

    cos, sin = rotary_angles(torch.arange(9)[None], 20, 10000.0)
    x = normal(2, 9, 3, 20)
    out["rotary.x"] = x
    out["rotary.y"] = modeling_llama.apply_rotary_pos_emb(x, x, cos, sin, unsqueeze_dim=2)[0]

    def attention(q, k, v):
        q, k, v = (x.transpose(1, 2) for x in (q, k, v))  # to heads first, as PyTorch wants it
        return F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2)

    record("attention", attention, q=normal(1, 13, 2, 20), k=normal(1, 13, 2, 20), v=normal(1, 13, 2, 20))

    record("silu_mul", lambda gate, up: F.silu(gate) * up, gate=normal(5, 33, scale=3.0), up=normal(5, 33))

    logits, targets = normal(7, 61, scale=4.0), torch.randint(0, 61, (7,), generator=source)
    loss = F.cross_entropy(logits, targets)
    out.update({"cross_entropy.logits": logits, "cross_entropy.targets": targets.int(),
                "cross_entropy.loss": loss.reshape(1),
                "cross_entropy.loss_per_row": F.cross_entropy(logits, targets, reduction="none"),
                "cross_entropy.dlogits": torch.autograd.grad(loss, logits)[0]})
    save("ops", out)


def main():
    parser = argparse.ArgumentParser(description="Write the golden fixtures.")
    parser.add_argument("--check", action="store_true", help="compare with float32 runs and print the differences")
    check = parser.parse_args().check
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    loss_fixture("llama_tiny", TINY, (3, 34), 101, check)
    loss_fixture("llama_gqa", GQA, (2, 22), 201, check)
    adamw_fixture(check)
    ops_fixture()
    if check:
        print(f"python {sys.version.split()[0]}, torch {torch.__version__}, numpy {numpy.__version__},",
              f"transformers {transformers.__version__}, safetensors {safetensors.__version__}")


if __name__ == "__main__":
    main()
