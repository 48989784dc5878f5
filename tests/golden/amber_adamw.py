"""Ten AdamW steps of a small AMBER with its own schedule.

The fixture holds the float64 run rounded to float32, not the float32 run: it is the value that both an exact and a
float32 implementation approach, and does not depend on the order of sums in one build of PyTorch.
"""

import json
import math

import torch
import transformers

from common import HERE, drift, forward, make_tokens, relative, save
from double import in_double
from families import Family, llama, make_model

# Smaller than llama_tiny, so that first and last parameters fit into the repository.
START = Family(llama(vocab_size=61, hidden_size=16, intermediate_size=36, num_hidden_layers=2, num_attention_heads=2,
                     num_key_value_heads=2, max_position_embeddings=32, rms_norm_eps=1e-6, tie_word_embeddings=False,
                     pad_token_id=0),
               tokens=(10, 2, 17), seed=301, scale=0.05)
ADAMW = dict(peak=1e-2, floor=1e-3, warmup_steps=3, total_steps=10, beta1=0.9, beta2=0.95, eps=1e-8,
             weight_decay=0.1, clip=1.0)


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


def adamw_fixture(check):
    model = make_model(START)
    model.save_pretrained(HERE / "llama_tiny_adamw")
    batches = make_tokens(START.tokens, START.config.vocab_size, 303)
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
        report("llama_tiny_adamw", start, records, final, train(model, batches), dict(model.named_parameters()))


def report(name, start, records, final, my_records, mine):
    """Prints how far a float32 run (the last two arguments) is from the float64 run."""
    worst = max((relative(p, final[key]), key) for key, p in mine.items())
    moved = max((p - final[key]).abs().max().item() for key, p in mine.items())
    least = min((relative(start[key], final[key]), key) for key in final)
    norms = [record["grad_norm"] for record in records]
    print(f"{name}: norms {min(norms):.2f} to {max(norms):.2f}, each tensor moved by {least[0]:.2f}",
          f"or more; float32 drifts by {worst[0]:.1e} relative Frobenius ({worst[1]}), {moved:.1e} in one",
          f"element, losses by {drift(my_records, records, 'loss'):.1e},",
          f"norms by {drift(my_records, records, 'grad_norm'):.1e}")
    assert worst[0] < 1e-5
