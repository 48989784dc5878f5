"""A second forward pass of every family, in NumPy and float64, from nothing but config.json and the weights.

It shares no code with transformers or PyTorch's layers. `make_golden.py --check` runs it, so that the fixtures are
known to be in float64 and the packing of each family's weights is written down twice. One `Parts` describes a model;
`sequence_logits` computes it with plain loops over heads and positions.
"""

import dataclasses
import json
import math

import numpy
import safetensors
import torch

from common import HERE


@dataclasses.dataclass
class Layer:
    norms: list  # the norm before attention, and the one before the MLP; only one if they share it
    q: tuple  # (matrix [H, h, d], bias [H, h])
    k: tuple  # (matrix [K, h, d], bias [K, h])
    v: tuple
    out: tuple  # (matrix [d, H h], bias)
    mlp: list  # (matrix [out, in], bias) of up and down, or of gate, up and down


@dataclasses.dataclass
class Parts:
    embedding: numpy.ndarray
    head: tuple
    norm: tuple  # (gain, bias); without a mean if rms
    layers: list
    eps: float
    activation: str
    rotated: int = 0  # how many elements of a head
    neighbours: bool = False  # pairs (2i, 2i + 1), not (i, i + rotated / 2)
    parallel: bool = False
    rms: bool = False
    scale: float = None
    window: int = None
    clip: float = math.inf
    slopes: list = None
    embedding_scale: float = 1.0
    logit_scale: float = 1.0


def read(directory):
    """config.json and a function that gives (matrix, bias or 0) by the name before `.weight` and `.bias`."""
    tensors = {}
    for path in directory.glob("*.safetensors"):
        with safetensors.safe_open(path, "pt") as file:
            tensors.update({key: file.get_tensor(key).to(torch.float64).numpy() for key in file.keys()})
    return (json.loads((directory / "config.json").read_text()),
            lambda name: (tensors[name + ".weight"], tensors.get(name + ".bias", 0.0)))


def in_heads(linear, size):
    matrix, bias = linear
    return matrix.reshape(-1, size, matrix.shape[1]), numpy.broadcast_to(bias, matrix.shape[0]).reshape(-1, size)


def pick(linear, rows):
    """Some heads of a fused projection that is already in heads."""
    return linear[0][rows], linear[1][rows]


def llama_parts(config, get):
    size = config["head_dim"]
    layers = []
    for i in range(config["num_hidden_layers"]):
        at = f"model.layers.{i}."
        q, k, v = (in_heads(get(f"{at}self_attn.{part}_proj"), size) for part in "qkv")
        layers.append(Layer([get(at + "input_layernorm"), get(at + "post_attention_layernorm")], q, k, v,
                            get(at + "self_attn.o_proj"), [get(f"{at}mlp.{x}_proj") for x in ("gate", "up", "down")]))
    embedding = get("model.embed_tokens")
    return Parts(embedding[0], embedding if config["tie_word_embeddings"] else get("lm_head"), get("model.norm"),
                 layers, config["rms_norm_eps"], "silu", rotated=size, rms=True, window=config.get("sliding_window"))


def neox_parts(config, get):
    size = config["hidden_size"] // config["num_attention_heads"]
    layers = []
    for i in range(config["num_hidden_layers"]):
        at = f"gpt_neox.layers.{i}."
        fused = in_heads(get(at + "attention.query_key_value"), size)  # q, k, v of head 0, then of head 1, ..
        q, k, v = (pick(fused, slice(part, None, 3)) for part in range(3))
        layers.append(Layer([get(at + "input_layernorm"), get(at + "post_attention_layernorm")], q, k, v,
                            get(at + "attention.dense"),
                            [get(at + "mlp.dense_h_to_4h"), get(at + "mlp.dense_4h_to_h")]))
    return Parts(get("gpt_neox.embed_in")[0], get("embed_out"), get("gpt_neox.final_layer_norm"), layers,
                 config["layer_norm_eps"], {"gelu": "erf", "gelu_fast": "tanh"}[config["hidden_act"]],
                 rotated=int(size * config["rope_parameters"]["partial_rotary_factor"]),
                 parallel=config["use_parallel_residual"])


def falcon_parts(config, get):
    heads, new = config["num_attention_heads"], config["new_decoder_architecture"]
    size = config["hidden_size"] // heads
    groups = config["num_kv_heads"] if new else 1
    block = heads // groups + 2  # the queries of a group, its key, its value
    layers = []
    for i in range(config["num_hidden_layers"]):
        at = f"transformer.h.{i}."
        fused = in_heads(get(at + "self_attention.query_key_value"), size)
        queries = [row for row in range(groups * block) if row % block < block - 2]
        norms = ["ln_attn", "ln_mlp"] if new else ["input_layernorm"]
        layers.append(Layer([get(at + name) for name in norms], pick(fused, queries),
                            pick(fused, slice(block - 2, None, block)), pick(fused, slice(block - 1, None, block)),
                            get(at + "self_attention.dense"),
                            [get(at + "mlp.dense_h_to_4h"), get(at + "mlp.dense_4h_to_h")]))
    embedding = get("transformer.word_embeddings")
    return Parts(embedding[0], embedding, get("transformer.ln_f"), layers, config["layer_norm_epsilon"], "erf",
                 rotated=size, parallel=True)


def gptj_parts(config, get):
    size = config["n_embd"] // config["n_head"]
    layers = []
    for i in range(config["n_layer"]):
        at = f"transformer.h.{i}."
        q, k, v = (in_heads(get(f"{at}attn.{part}_proj"), size) for part in "qkv")
        layers.append(Layer([get(at + "ln_1")], q, k, v, get(at + "attn.out_proj"),
                            [get(at + "mlp.fc_in"), get(at + "mlp.fc_out")]))
    return Parts(get("transformer.wte")[0], get("lm_head"), get("transformer.ln_f"), layers,
                 config["layer_norm_epsilon"], "tanh", rotated=config["rotary_dim"], neighbours=True, parallel=True)


def mpt_parts(config, get):
    heads = config["n_heads"]
    size = config["d_model"] // heads
    layers = []
    for i in range(config["n_layers"]):
        at = f"transformer.blocks.{i}."
        fused = in_heads(get(at + "attn.Wqkv"), size)
        q, k, v = (pick(fused, slice(part * heads, (part + 1) * heads)) for part in range(3))
        layers.append(Layer([get(at + "norm_1"), get(at + "norm_2")], q, k, v, get(at + "attn.out_proj"),
                            [get(at + "ffn.up_proj"), get(at + "ffn.down_proj")]))
    count = 1
    while count < heads:
        count *= 2
    slopes = [2.0 ** (-config["attn_config"]["alibi_bias_max"] * k / count) for k in range(1, count + 1)]
    if count != heads:
        slopes = slopes[1::2] + slopes[0::2]
    return Parts(get("transformer.wte")[0], get("transformer.wte"), get("transformer.norm_f"), layers,
                 config["layer_norm_epsilon"], "erf", clip=config["attn_config"]["clip_qkv"], slopes=slopes)


def crystalcoder_parts(config, get):
    heads = config["n_head"]
    size = config["n_embd"] // heads

    def turned(name):
        matrix, bias = get(name)
        return matrix.T, bias

    layers = []
    for i in range(config["n_layer"]):
        at = f"transformer.h.{i}."
        fused = in_heads(turned(at + "attn.c_attn"), size)
        q, k, v = (pick(fused, slice(part * heads, (part + 1) * heads)) for part in range(3))
        layers.append(Layer([get(at + "ln_1"), get(at + "ln_2")], q, k, v, turned(at + "attn.c_proj"),
                            [turned(at + "mlp.c_fc2"), turned(at + "mlp.c_fc"), turned(at + "mlp.c_proj")]))
    return Parts(get("transformer.wte")[0], get("lm_head"), get("transformer.ln_f"), layers,
                 config["layer_norm_epsilon"], "silu", rotated=config["rotary_dim"], neighbours=True, scale=1 / size,
                 embedding_scale=config["mup_embeddings_scale"],
                 logit_scale=config["mup_output_alpha"] * config["mup_width_scale"])


PARTS = {"llama": llama_parts, "mistral": llama_parts, "gpt_neox": neox_parts, "falcon": falcon_parts,
         "gptj": gptj_parts, "mpt": mpt_parts, "crystalcoder": crystalcoder_parts}


def apply(linear, x):
    return x @ linear[0].T + linear[1]


def normalize(parts, norm, x):
    centred = x if parts.rms else x - x.mean(-1, keepdims=True)
    return centred / numpy.sqrt((centred**2).mean(-1, keepdims=True) + parts.eps) * norm[0] + norm[1]


def activate(kind, x):
    if kind == "silu":
        return x / (1 + numpy.exp(-x))
    if kind == "erf":
        return x / 2 * (1 + numpy.vectorize(math.erf)(x / math.sqrt(2)))
    return x / 2 * (1 + numpy.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def rotate(parts, x):
    """x [T, h], one head; position t turns pair i by t * 10000^(-2i / rotated)."""
    result = x.copy()
    for i in range(parts.rotated // 2):
        a, b = (2 * i, 2 * i + 1) if parts.neighbours else (i, i + parts.rotated // 2)
        angle = numpy.arange(len(x)) * 10000.0 ** (-2 * i / parts.rotated)
        result[:, a] = x[:, a] * numpy.cos(angle) - x[:, b] * numpy.sin(angle)
        result[:, b] = x[:, b] * numpy.cos(angle) + x[:, a] * numpy.sin(angle)
    return result


def attend(parts, layer, x):
    heads, size = layer.q[1].shape
    scale = parts.scale or size**-0.5

    def project(linear, head):
        return numpy.clip(x @ linear[0][head].T + linear[1][head], -parts.clip, parts.clip)

    mixed = []
    for head in range(heads):
        source = head * len(layer.k[0]) // heads
        q, k = rotate(parts, project(layer.q, head)), rotate(parts, project(layer.k, source))
        v = project(layer.v, source)
        rows = []
        for i in range(len(x)):
            first = max(0, i - parts.window + 1) if parts.window else 0
            scores = k[first : i + 1] @ q[i] * scale
            if parts.slopes:
                scores = scores - parts.slopes[head] * (i - numpy.arange(first, i + 1))
            weights = numpy.exp(scores - scores.max())
            rows.append(weights @ v[first : i + 1] / weights.sum())
        mixed.append(numpy.array(rows))
    return apply(layer.out, numpy.concatenate(mixed, axis=1))


def feed(parts, layer, x):
    *gates, up, down = layer.mlp
    if gates:
        return apply(down, activate(parts.activation, apply(gates[0], x)) * apply(up, x))
    return apply(down, activate(parts.activation, apply(up, x)))


def sequence_logits(parts, tokens):
    x = parts.embedding_scale * parts.embedding[tokens]
    for layer in parts.layers:
        if parts.parallel:
            x = (x + attend(parts, layer, normalize(parts, layer.norms[0], x))
                 + feed(parts, layer, normalize(parts, layer.norms[-1], x)))
        else:
            x = x + attend(parts, layer, normalize(parts, layer.norms[0], x))
            x = x + feed(parts, layer, normalize(parts, layer.norms[1], x))
    return parts.logit_scale * apply(parts.head, normalize(parts, parts.norm, x))


def compare(name):
    """Prints how far the fixture's logits and loss are from this forward pass; float32 storage allows 6e-8 relative."""
    config, get = read(HERE / name)
    parts = PARTS[config["model_type"]](config, get)
    with safetensors.safe_open(HERE / f"{name}.safetensors", "np") as file:
        tokens, expected, loss = (file.get_tensor(key) for key in ("tokens", "logits", "loss"))
    mine = numpy.stack([sequence_logits(parts, row) for row in tokens[:, :-1]])
    top = mine.max(-1, keepdims=True)
    logarithms = mine - top - numpy.log(numpy.exp(mine - top).sum(-1, keepdims=True))
    my_loss = -numpy.take_along_axis(logarithms, tokens[:, 1:, None].astype(int), axis=-1).mean()
    off = numpy.abs(mine - expected).max() / numpy.abs(mine).max()
    print(f"{name}: an independent forward pass differs by {off:.1e} of the largest logit, its loss by",
          f"{abs(my_loss - loss[0]):.1e}")
    assert off < 6e-8 and abs(my_loss - loss[0]) < 1e-12
