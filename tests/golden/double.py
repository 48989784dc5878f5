"""Hugging Face models whose every operation is in float64.

`model.double()` alone is not enough. Whatever the type of the model, transformers computes in float32: RMSNorm
(LLaMA, Mistral), the rotary frequencies and angles (all), GPT-J's scores and softmax, MPT's slopes and softmax, and
the softmax of the "eager" attention of Mistral and GPT-NeoX. `in_double` replaces these by the same formulas in
float64; where attention runs through scaled_dot_product_attention, the type is kept. `OnlyDouble` proves it: under it
any operation that returns a narrower float is an error, forward and backward.
"""

import math

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers.models.falcon.modeling_falcon import FalconRotaryEmbedding
from transformers.models.gpt_neox.modeling_gpt_neox import GPTNeoXRotaryEmbedding
from transformers.models.gptj.modeling_gptj import GPTJAttention
from transformers.models.llama.modeling_llama import LlamaRMSNorm, LlamaRotaryEmbedding
from transformers.models.mistral.modeling_mistral import MistralRMSNorm, MistralRotaryEmbedding
from transformers.models.mpt.modeling_mpt import MptAttention, MptModel


class OnlyDouble(TorchDispatchMode):
    """Inside this context every floating-point tensor that an operation returns must be float64."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for value in tree_leaves(result):
            narrow = isinstance(value, torch.Tensor) and value.is_floating_point() and value.dtype != torch.float64
            assert not narrow, f"{function} returned {value.dtype}"
        return result


def rotary_angles(positions, size, theta):
    """cos and sin [..., size] of the half-split rotary embedding, in float64."""
    frequencies = theta ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)
    angles = positions[..., None].double() * frequencies
    angles = torch.cat((angles, angles), dim=-1)
    return angles.cos(), angles.sin()


def alibi_slopes(heads, largest):
    """One slope a head: 2^(-largest * (k + 1) / P), P the next power of two; if P > heads, odd k first, then even k."""
    count = 2 ** math.ceil(math.log2(heads))
    slopes = 2.0 ** (-largest * torch.arange(1, count + 1, dtype=torch.float64) / count)
    return slopes if count == heads else torch.cat((slopes[1::2], slopes[::2]))[:heads]


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
        part = config.rope_parameters.get("partial_rotary_factor", 1.0)
        self.size = int(config.hidden_size // config.num_attention_heads * part)

    def forward(self, x, position_ids):
        return rotary_angles(position_ids, self.size, self.theta)


class DoubleGptjAttention(GPTJAttention):
    def _attn(self, query, key, value, attention_mask=None):
        scores = query @ key.transpose(-1, -2) / math.sqrt(self.head_dim) + attention_mask
        weights = scores.softmax(-1)
        return weights @ value, weights


def gptj_table(positions, size):
    """The table of GPT-J's attention, sin then cos of each pair, [positions, size]."""
    cos, sin = rotary_angles(torch.arange(positions), size, 10000.0)
    return torch.cat((sin[:, : size // 2], cos[:, : size // 2]), dim=1)


class DoubleMptAttention(MptAttention):
    def forward(self, hidden_states, position_bias, past_key_values=None, attention_mask=None, **rest):
        batch, length, width = hidden_states.shape
        fused = self.Wqkv(hidden_states).clamp(-self.clip_qkv, self.clip_qkv)
        q, k, v = (x.view(batch, length, self.n_heads, self.head_dim).transpose(1, 2) for x in fused.chunk(3, dim=2))
        scores = q @ k.transpose(-1, -2) / math.sqrt(self.head_dim) + position_bias[:, :, -length:]
        weights = scores.masked_fill(attention_mask, -math.inf).softmax(-1)
        return self.out_proj((weights @ v).transpose(1, 2).reshape(batch, length, width)), weights


class DoubleMptModel(MptModel):
    def build_mpt_alibi_tensor(self, num_heads, sequence_length, alibi_bias_max=8, device=None):
        distance = torch.arange(1 - sequence_length, 1, dtype=torch.float64)
        return alibi_slopes(num_heads, self.config.attn_config.alibi_bias_max)[:, None, None] * distance


def in_double(model):
    """The same weights as a model whose every operation is in float64; the parameter names stay."""
    double = type(model)(model.config).double().eval()
    double.load_state_dict(model.state_dict())
    for module in list(double.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, (LlamaRMSNorm, MistralRMSNorm)):
                setattr(module, name, DoubleRmsNorm(child))
            elif isinstance(child, (LlamaRotaryEmbedding, MistralRotaryEmbedding, GPTNeoXRotaryEmbedding,
                                    FalconRotaryEmbedding)):
                setattr(module, name, DoubleRotary(model.config))
            elif isinstance(child, GPTJAttention):
                child.__class__ = DoubleGptjAttention
                child.embed_positions = gptj_table(child.max_positions, child.rotary_dim)
            elif isinstance(child, MptAttention):
                child.__class__ = DoubleMptAttention
            elif isinstance(child, MptModel):
                child.__class__ = DoubleMptModel
    assert all(p.dtype == torch.float64 for p in double.parameters())
    return double
