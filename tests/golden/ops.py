"""Single operations in float64: inputs, outputs, the gradient that comes in (dy) and those that go out."""

import torch
import torch.nn.functional as F
from transformers.models.llama import modeling_llama

from common import generator, save
from double import rotary_angles


def rms_norm(x, gain):
    return F.rms_norm(x, gain.shape, gain, 1e-6)


def attention(q, k, v):
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))  # to heads first, as PyTorch wants it
    return F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2)


def ops_fixture(check):
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
    save("ops", out)
