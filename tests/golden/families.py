"""One small model of every family: weights as `save_pretrained` writes them, logits, loss and all gradients.

The sizes are awkward on purpose: five heads, head sizes of 8, 10 and 20, four rotary dimensions of a head, groups of
heads, tied and untied heads, random biases. Matrices are large enough that attention is far from uniform.
"""

import dataclasses

import torch
from transformers import (AutoModelForCausalLM, FalconConfig, GPTJConfig, GPTNeoXConfig, LlamaConfig, MistralConfig,
                          MptConfig)

from common import HERE, forward, make_tokens, randomize, relative, save, saved_names
from double import OnlyDouble, in_double


@dataclasses.dataclass
class Family:
    config: object
    tokens: tuple  # [B, T + 1]
    seed: int
    scale: float = 0.15  # standard deviation of the matrices
    renamed: dict = dataclasses.field(default_factory=dict)  # parameter name in the class -> name in the file
    shard_size: str = "5GB"


def rope(**more):
    return {"rope_type": "default", "rope_theta": 10000.0, **more}


def llama(**shape):
    return LlamaConfig(**shape, rope_parameters=rope(), attention_bias=False, mlp_bias=False, hidden_act="silu",
                       attention_dropout=0.0, initializer_range=0.05, bos_token_id=1, eos_token_id=2,
                       dtype=torch.float32, attn_implementation="sdpa")


def neox(heads, head_size, inner, layers, part, **more):
    return GPTNeoXConfig(vocab_size=61, hidden_size=heads * head_size, intermediate_size=inner,
                         num_hidden_layers=layers, num_attention_heads=heads, max_position_embeddings=32,
                         rope_parameters=rope(partial_rotary_factor=part), layer_norm_eps=1e-5, bos_token_id=0,
                         eos_token_id=0, dtype=torch.float32, attn_implementation="sdpa", **more)


NEOX_NAMES = {"lm_head.weight": "embed_out.weight"}

FAMILIES = {
    "llama_tiny": Family(
        llama(vocab_size=97, hidden_size=48, intermediate_size=128, num_hidden_layers=3, num_attention_heads=3,
              num_key_value_heads=3, max_position_embeddings=64, rms_norm_eps=1e-6, tie_word_embeddings=False,
              pad_token_id=0),
        tokens=(3, 34), seed=101, scale=0.05),
    "llama_gqa": Family(
        llama(vocab_size=61, hidden_size=40, intermediate_size=72, num_hidden_layers=2, num_attention_heads=4,
              num_key_value_heads=2, max_position_embeddings=32, rms_norm_eps=1e-5, tie_word_embeddings=True,
              pad_token_id=None),
        tokens=(2, 22), seed=201, scale=0.05),
    "mistral": Family(
        MistralConfig(vocab_size=61, hidden_size=60, intermediate_size=38, num_hidden_layers=2, num_attention_heads=6,
                      num_key_value_heads=2, sliding_window=7, max_position_embeddings=32, rms_norm_eps=1e-5,
                      rope_parameters=rope(), tie_word_embeddings=False, dtype=torch.float32,
                      attn_implementation="sdpa"),
        tokens=(2, 25), seed=501),
    "pythia": Family(neox(5, 20, 44, 1, 0.2, hidden_act="gelu"), tokens=(2, 22), seed=511, renamed=NEOX_NAMES),
    "redpajama": Family(neox(5, 8, 60, 2, 1.0, hidden_act="gelu", use_parallel_residual=False),
                        tokens=(2, 22), seed=521, renamed=NEOX_NAMES),
    "falcon_7b": Family(
        FalconConfig(vocab_size=61, hidden_size=40, num_hidden_layers=2, num_attention_heads=5, multi_query=True,
                     parallel_attn=True, new_decoder_architecture=False, bias=False, alibi=False,
                     max_position_embeddings=32, rope_parameters=rope(), bos_token_id=11, eos_token_id=11,
                     dtype=torch.float32, attn_implementation="sdpa"),
        tokens=(2, 22), seed=531),
    "falcon_40b": Family(
        FalconConfig(vocab_size=61, hidden_size=60, num_hidden_layers=2, num_attention_heads=6, num_kv_heads=2,
                     ffn_hidden_size=76, parallel_attn=True, new_decoder_architecture=True, bias=False, alibi=False,
                     max_position_embeddings=32, rope_parameters=rope(), bos_token_id=11, eos_token_id=11,
                     dtype=torch.float32, attn_implementation="sdpa"),
        tokens=(2, 22), seed=541, shard_size="60KB"),
    "gptj": Family(
        GPTJConfig(vocab_size=59, n_positions=32, n_embd=40, n_layer=2, n_head=5, rotary_dim=4, n_inner=100,
                   bos_token_id=1, eos_token_id=1, dtype=torch.float32, attn_implementation="eager"),
        tokens=(2, 22), seed=551),
    "mpt": Family(
        MptConfig(vocab_size=61, d_model=40, n_heads=5, n_layers=2, max_seq_len=32, dtype=torch.float32,
                  attn_config={"clip_qkv": 1.25, "alibi": True, "alibi_bias_max": 8},
                  attn_implementation="eager"),
        tokens=(2, 22), seed=561),
    "neox_20b": Family(neox(5, 8, 60, 2, 0.5, hidden_act="gelu_fast"), tokens=(2, 22), seed=571, renamed=NEOX_NAMES),
    "llama_odd": Family(
        llama(vocab_size=61, hidden_size=100, intermediate_size=22, num_hidden_layers=1, num_attention_heads=5,
              num_key_value_heads=1, max_position_embeddings=32, rms_norm_eps=1e-6, tie_word_embeddings=False,
              pad_token_id=None),
        tokens=(2, 22), seed=581),
}

# The same weights rounded to a half precision: directory and values -> family and type of the weight file.
HALVES = {"mistral_bf16": ("mistral", torch.bfloat16), "neox_20b_fp16": ("neox_20b", torch.float16)}


def make_model(family):
    """A float32 model; a padding row of the embedding is zero."""
    config = family.config
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).float().eval()
    randomize(model, family.scale, family.seed)
    if config.pad_token_id is not None:
        with torch.no_grad():
            model.get_input_embeddings().weight[config.pad_token_id].zero_()
    return model


def family_fixture(name, check):
    family = FAMILIES[name]
    model = make_model(family)
    model.save_pretrained(HERE / name, max_shard_size=family.shard_size)
    tokens = make_tokens(family.tokens, family.config.vocab_size, family.seed + 1)
    double = in_double(model)
    with OnlyDouble():
        logits, loss = forward(double, tokens)
        loss.backward()
    gradients = {family.renamed.get(key, key): p.grad for key, p in double.named_parameters()}
    assert sorted(gradients) == sorted(saved_names(HERE / name))
    if family.config.pad_token_id is not None:
        embedding = double.get_input_embeddings()
        assert embedding.padding_idx == 0 and (tokens[:, :-1] == 0).any() and not embedding.weight.grad[0].any()
    save(name, {"tokens": tokens, "logits": logits.float(), "loss": loss.reshape(1),
                **{f"grad.{key}": value.float() for key, value in gradients.items()}})
    if check:
        loaded = AutoModelForCausalLM.from_pretrained(HERE / name, dtype=torch.float32)
        mine, my_loss = forward(loaded, tokens)
        my_loss.backward()
        worst = max((relative(p.grad, gradients[family.renamed.get(key, key)]), key)
                    for key, p in loaded.named_parameters())
        print(f"{name}: loss {loss.item():.12f}, logits up to {logits.abs().max():.3f}; loaded in float32:",
              f"logits off by {(mine - logits).abs().max():.1e}, loss by {abs(my_loss.item() - loss.item()):.1e},",
              f"gradients by {worst[0]:.1e} relative Frobenius ({worst[1]})")
        assert (mine - logits).abs().max() < 1e-5 and worst[0] < 1e-5


def half_fixture(name, check):
    """Weights in a half precision, and what a float64 forward pass makes of exactly these rounded weights."""
    source, dtype = HALVES[name]
    family = FAMILIES[source]
    make_model(family).to(dtype).save_pretrained(HERE / name)
    tokens = make_tokens(family.tokens, family.config.vocab_size, family.seed + 1)
    rounded = AutoModelForCausalLM.from_pretrained(HERE / name, dtype=torch.float32)
    double = in_double(rounded)
    with torch.no_grad(), OnlyDouble():
        logits, loss = forward(double, tokens)
    save(name, {"tokens": tokens, "logits": logits.float(), "loss": loss.reshape(1)})
    if check:
        with torch.no_grad():
            mine = forward(rounded, tokens)[0]
            narrow = forward(AutoModelForCausalLM.from_pretrained(HERE / name, dtype=dtype), tokens)[0]
        print(f"{name}: loss {loss.item():.12f}; computed in float32: logits off by {(mine - logits).abs().max():.1e};",
              f"in {dtype}: by {(narrow - logits).abs().max():.1e}")
        assert (mine - logits).abs().max() < 1e-5
