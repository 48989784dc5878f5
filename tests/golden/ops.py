"""Single operations in float64: inputs, outputs, the gradient that comes in (dy) and those that go out."""

import math

import torch
import torch.nn.functional as F
from transformers.models.gpt_neox import modeling_gpt_neox
from transformers.models.gptj import modeling_gptj
from transformers.models.llama import modeling_llama

from common import generator, save
from double import OnlyDouble, alibi_slopes, gptj_table, rotary_angles


def rms_norm(x, gain):
    return F.rms_norm(x, gain.shape, gain, 1e-6)


def attention(q, k, v):
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))  # to heads first, as PyTorch wants it
    return F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2)


def written_out(q, k, v, scale=None, slopes=None, window=None):
    """Causal attention of [B, T, H, h] and [B, T, K, h] by its definition; query head m reads head m // (H / K)."""
    group = q.shape[2] // k.shape[2]
    k, v = (x.repeat_interleave(group, dim=2) for x in (k, v))
    scores = torch.einsum("bihd,bjhd->bhij", q, k) * (scale or 1 / math.sqrt(q.shape[-1]))
    positions = torch.arange(q.shape[1])
    distance = positions[:, None] - positions  # [i, j] = i - j
    if slopes is not None:
        scores = scores - slopes[:, None, None] * distance
    seen = (distance >= 0) & (distance < (window or q.shape[1]))
    return torch.einsum("bhij,bjhd->bihd", scores.masked_fill(~seen, -math.inf).softmax(-1), v)


def interleaved(x):
    """GPT-J's rotary embedding of the first 4 elements of each head of x [B, T, H, h]."""
    sin, cos = gptj_table(x.shape[1], 4)[None].split(2, dim=-1)
    return torch.cat((modeling_gptj.apply_rotary_pos_emb(x[..., :4], sin, cos), x[..., 4:]), dim=-1)


def half_split(x):
    """GPT-NeoX's rotary embedding of the first 4 elements of each head of x [B, T, H, h]."""
    cos, sin = rotary_angles(torch.arange(x.shape[1])[None], 4, 10000.0)
    return modeling_gpt_neox.apply_rotary_pos_emb(x, x, cos, sin, unsqueeze_dim=2)[0]


def rmsprop(w, gradients, rates, **settings):
    """What torch.optim.RMSprop makes of w [N]: the weights [S, N] after each step, and the second moment [N]."""
    w = w.detach().clone()
    optimizer = torch.optim.RMSprop([w], **settings)
    steps = []
    for gradient, rate in zip(gradients, rates):
        w.grad = gradient
        optimizer.param_groups[0]["lr"] = float(rate)
        optimizer.step()
        steps.append(w.clone())
    return torch.stack(steps), optimizer.state[w]["square_avg"]


def ops_fixture(check):
    source = generator(404)
    out = {}

    def normal(*shape, scale=1.0):
        return (scale * torch.randn(shape, generator=source, dtype=torch.float64)).requires_grad_()

    def record(name, function, **inputs):
        with OnlyDouble():
            y = function(*inputs.values())
            dy = torch.randn(y.shape, generator=source, dtype=torch.float64)
            gradients = torch.autograd.grad(y, list(inputs.values()), dy)
        out.update({f"{name}.{key}": value for key, value in inputs.items()})
        out.update({f"{name}.y": y, f"{name}.dy": dy})
        out.update({f"{name}.d{key}": value for key, value in zip(inputs, gradients)})

    gain = normal(100)
    record("rms_norm", rms_norm, x=normal(3, 100, scale=3.0), gain=gain)
    small = torch.zeros(3, 100, dtype=torch.float64)  # rows of which eps decides: zero, tiny, constant
    small[1], small[2] = normal(100, scale=1e-4).detach(), 1e-3
    record("rms_norm_small", rms_norm, x=small.requires_grad_(), gain=gain)

    cos, sin = rotary_angles(torch.arange(9)[None], 20, 10000.0)
    x = normal(2, 9, 3, 20)
    out["rotary.x"] = x
    out["rotary.y"] = modeling_llama.apply_rotary_pos_emb(x, x, cos, sin, unsqueeze_dim=2)[0]

    record("attention", attention, q=normal(1, 13, 2, 20), k=normal(1, 13, 2, 20), v=normal(1, 13, 2, 20))

    record("silu_mul", lambda gate, up: F.silu(gate) * up, gate=normal(5, 33, scale=3.0), up=normal(5, 33))

    logits, targets = normal(7, 61, scale=4.0), torch.randint(0, 61, (7,), generator=source)
    loss = F.cross_entropy(logits, targets)
    out.update({"cross_entropy.logits": logits, "cross_entropy.targets": targets.int(),
                "cross_entropy.loss": loss.reshape(1),
                "cross_entropy.loss_per_row": F.cross_entropy(logits, targets, reduction="none"),
                "cross_entropy.dlogits": torch.autograd.grad(loss, logits)[0]})

    # From here on new numbers are drawn; what stands above keeps its values.
    gain, bias = normal(100), normal(100)
    record("layer_norm", lambda x, gain, bias: F.layer_norm(x, (100,), gain, bias, 1e-5),
           x=normal(3, 100, scale=3.0), gain=gain, bias=bias)
    record("layer_norm_no_bias", lambda x, gain: F.layer_norm(x, (100,), gain, None, 1e-5),
           x=normal(3, 100, scale=3.0), gain=gain)
    small = torch.zeros(4, 100, dtype=torch.float64)  # zero, tiny, constant, and tiny around a large mean
    small[1], small[2], small[3] = normal(100, scale=1e-4).detach(), 1e-3, 100 + normal(100, scale=1e-2).detach()
    record("layer_norm_small", lambda x, gain, bias: F.layer_norm(x, (100,), gain, bias, 1e-5),
           x=small.requires_grad_(), gain=gain, bias=bias)

    record("gelu_erf", F.gelu, x=normal(5, 33, scale=3.0))
    record("gelu_tanh", lambda x: F.gelu(x, approximate="tanh"), x=normal(5, 33, scale=3.0))

    record("rotary_interleaved", interleaved, x=normal(2, 9, 3, 20))
    record("rotary_partial", half_split, x=normal(2, 9, 3, 20))

    def heads(queries, keys, size=6, scale=2.0):
        return dict(q=normal(1, 11, queries, size, scale=scale), k=normal(1, 11, keys, size, scale=scale),
                    v=normal(1, 11, keys, size))

    slopes = alibi_slopes(5, 8)
    out["attention_alibi.slopes"] = slopes
    record("attention_alibi", lambda q, k, v: written_out(q, k, v, slopes=slopes), **heads(5, 5))
    record("attention_window", lambda q, k, v: written_out(q, k, v, window=4), **heads(2, 2))
    record("attention_grouped", written_out, **heads(6, 2))
    record("attention_scaled", lambda q, k, v: written_out(q, k, v, scale=1 / 6), **heads(2, 2))

    w, gradients, rates = normal(33), normal(10, 33), torch.linspace(1e-3, 1e-2, 10, dtype=torch.float64)
    # Not under the guard: the optimizer counts its steps in float32.
    steps, v = rmsprop(w, gradients.detach(), rates, alpha=0.9, eps=1e-6, weight_decay=0.1)
    defaults, default_v = rmsprop(w, gradients.detach(), rates)
    assert steps.dtype == v.dtype == torch.float64
    out.update({"rmsprop.w": w, "rmsprop.gradients": gradients, "rmsprop.rates": rates, "rmsprop.steps": steps,
                "rmsprop.v": v, "rmsprop.defaults.steps": defaults, "rmsprop.defaults.v": default_v})
    save("ops", out)
    if check:
        q, k, v = (out[f"attention.{key}"] for key in "qkv")
        difference = (written_out(q, k, v) - out["attention.y"]).abs().max()
        print(f"ops: attention by its definition differs from PyTorch's by {difference:.1e}")
        assert difference < 1e-12

