"""CrystalCoder, for which transformers has no class: the model, and its files as they are published.

The facts are from LLM360/crystalcoder-train (config.json, the tensors' names and shapes, phase 1 parameters): GPT-2
names with Conv1D weights [in, out], sequential blocks of LayerNorm with bias, one projection to [q | k | v], a rotary
embedding that turns neighbouring elements of the first `rotary_dim` of a head, scores divided by the head size,
SwiGLU in which c_fc is the linear and c_fc2 the gated branch, embeddings times `mup_embeddings_scale`, and logits from
the same matrix times `mup_output_alpha * mup_width_scale`.
"""

import json
import math
import types

import safetensors.torch
import torch
import torch.nn.functional as F
from torch import nn

SKIPPED = (".attn.bias", ".attn.masked_bias", "lm_head.weight")  # in the files, but no parameters of their own


def make_config(**shape):
    """The published keys, with the published values for everything that is not given."""
    return types.SimpleNamespace(**{
        "architectures": ["CrystalCoderLMHeadModel"], "model_type": "crystalcoder", "activation_function": "swiglu",
        "position_embedding_type": "rotary", "attn_pdrop": 0.0, "resid_pdrop": 0.0, "embd_pdrop": 0.0,
        "scale_attn_weights": True, "mup_scale_qk_dot_by_d": True, "mup_embeddings_scale": 14.6,
        "mup_output_alpha": 2.22, "mup_width_scale": 0.0625, "layer_norm_epsilon": 1e-5, "tie_word_embeddings": True,
        "bos_token_id": 1, "eos_token_id": 2, "use_cache": True, **shape})


class Conv1D(nn.Module):
    """A linear layer that stores its matrix as [in, out]."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.zeros(inputs, outputs)), nn.Parameter(torch.zeros(outputs))

    def forward(self, x):
        return x @ self.weight + self.bias


def rotate_neighbours(x, size, theta=10000.0):
    """Turns elements 2i and 2i + 1 of x [.., T, h] by position * theta^(-2i / size); those from `size` on stay."""
    frequencies = theta ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)
    angles = torch.arange(x.shape[-2], dtype=torch.float64)[:, None] * frequencies
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    even, odd = x[..., 0:size:2], x[..., 1:size:2]
    turned = torch.stack((even * cos - odd * sin, odd * cos + even * sin), dim=-1).flatten(-2)
    return torch.cat((turned, x[..., size:]), dim=-1)


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.heads, self.rotary_dim = config.n_head, config.rotary_dim
        head_size = config.n_embd // config.n_head
        self.scale = 1 / head_size if config.mup_scale_qk_dot_by_d else 1 / math.sqrt(head_size)
        self.c_attn = Conv1D(config.n_embd, 3 * config.n_embd)
        self.c_proj = Conv1D(config.n_embd, config.n_embd)

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = (part.view(batch, length, self.heads, -1).transpose(1, 2)
                   for part in self.c_attn(x).split(width, dim=-1))
        scores = rotate_neighbours(q, self.rotary_dim) @ rotate_neighbours(k, self.rotary_dim).mT * self.scale
        future = torch.ones(length, length, dtype=torch.bool).triu(1)
        mixed = scores.masked_fill(future, -math.inf).softmax(-1) @ v
        return self.c_proj(mixed.transpose(1, 2).reshape(batch, length, width))


class Mlp(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.c_fc = Conv1D(config.n_embd, config.n_inner)
        self.c_fc2 = Conv1D(config.n_embd, config.n_inner)
        self.c_proj = Conv1D(config.n_inner, config.n_embd)

    def forward(self, x):
        return self.c_proj(self.c_fc(x) * F.silu(self.c_fc2(x)))


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.n_embd, config.layer_norm_epsilon)
        self.attn = Attention(config)
        self.ln_2 = nn.LayerNorm(config.n_embd, config.layer_norm_epsilon)
        self.mlp = Mlp(config)

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class CrystalCoder(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.transformer = nn.ModuleDict({
            "wte": nn.Embedding(config.vocab_size, config.n_embd),
            "h": nn.ModuleList(Block(config) for _ in range(config.n_layer)),
            "ln_f": nn.LayerNorm(config.n_embd, config.layer_norm_epsilon)})

    def forward(self, input_ids, use_cache=False):
        x = self.config.mup_embeddings_scale * self.transformer["wte"](input_ids)
        for block in self.transformer["h"]:
            x = block(x)
        logits = self.transformer["ln_f"](x) @ self.transformer["wte"].weight.T
        return types.SimpleNamespace(logits=self.config.mup_output_alpha * self.config.mup_width_scale * logits)

    def save_pretrained(self, directory):
        """As published: with a copy of the tied head, and each layer's causal mask and masked score as buffers."""
        directory.mkdir(exist_ok=True)
        tensors = dict(self.state_dict())
        tensors["lm_head.weight"] = tensors["transformer.wte.weight"].clone()
        positions = self.config.n_positions
        for i in range(self.config.n_layer):
            mask = torch.ones(positions, positions, dtype=torch.uint8).tril()
            tensors[f"transformer.h.{i}.attn.bias"] = mask.view(1, 1, positions, positions)
            tensors[f"transformer.h.{i}.attn.masked_bias"] = torch.tensor(-1e4)
        safetensors.torch.save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})
        config = {**vars(self.config), "torch_dtype": str(self.transformer["wte"].weight.dtype).split(".")[1]}
        (directory / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")

    @classmethod
    def from_pretrained(cls, directory, dtype=torch.float32):
        """From one file or shards. What the files hold beside the parameters may be missing."""
        model = cls(make_config(**json.loads((directory / "config.json").read_text())))
        tensors = {}
        for path in sorted(directory.glob("*.safetensors")):
            tensors.update(safetensors.torch.load_file(path))
        if "lm_head.weight" in tensors:
            assert tensors["lm_head.weight"].equal(tensors["transformer.wte.weight"])
        model.load_state_dict({key: value for key, value in tensors.items() if not key.endswith(SKIPPED)})
        return model.to(dtype).eval()
