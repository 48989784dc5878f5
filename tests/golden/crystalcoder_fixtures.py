"""A small CrystalCoder with its gradients, and ten steps of its training: optimizer, schedule and masked loss.

The optimizer is the published trainer's own form of AdamW: epsilon is added before the bias correction, and decay is
part of the update, so that the learning rate of a group scales both:

    u = sqrt(1 - beta2^t) / (1 - beta1^t) * m / (sqrt(v) + eps) + decay * p,    p -= lr * u
"""

import copy
import json
import math

import torch
import torch.nn.functional as F

from amber_adamw import report
from common import HERE, forward, generator, make_tokens, randomize, relative, save
from crystalcoder import CrystalCoder, make_config
from double import OnlyDouble

MODEL = make_config(vocab_size=61, n_embd=40, n_layer=2, n_head=5, n_inner=26, n_positions=32, rotary_dim=4,
                    mup_width_scale=0.25)
# Smaller, so that first and last parameters fit into the repository. All of a head is rotated: where it is not, a bias
# of the keys adds the same to every score of a row, its true gradient is 0, and Adam with an epsilon of 1e-9 turns the
# rounding noise of float32 into full steps.
TRAINED = make_config(vocab_size=61, n_embd=20, n_layer=2, n_head=5, n_inner=13, n_positions=32, rotary_dim=4,
                      mup_width_scale=0.5)
OPTIMIZER = dict(peak=2e-2, end=2e-3, warmup_steps=3, decay_steps=7, beta1=0.9, beta2=0.95, eps=1e-9,
                 weight_decay=0.1, clip=1.0, matrix_rate_multiplier=TRAINED.mup_width_scale)


def make_model(config, scale, seed):
    model = CrystalCoder(config).eval()
    randomize(model, scale, seed)
    return model


def crystalcoder_fixture(check):
    model = make_model(MODEL, 0.25, 601)
    model.save_pretrained(HERE / "crystalcoder")
    tokens = make_tokens((2, 22), MODEL.vocab_size, 602)
    double = copy.deepcopy(model).double()
    with OnlyDouble():
        logits, loss = forward(double, tokens)
        loss.backward()
    gradients = {key: p.grad for key, p in double.named_parameters()}
    save("crystalcoder", {"tokens": tokens, "logits": logits.float(), "loss": loss.reshape(1),
                          **{f"grad.{key}": value.float() for key, value in gradients.items()}})
    if check:
        loaded = CrystalCoder.from_pretrained(HERE / "crystalcoder")
        mine, my_loss = forward(loaded, tokens)
        my_loss.backward()
        worst = max((relative(p.grad, gradients[key]), key) for key, p in loaded.named_parameters())
        print(f"crystalcoder: loss {loss.item():.12f}, logits up to {logits.abs().max():.3f}; loaded in float32:",
              f"logits off by {(mine - logits).abs().max():.1e}, loss by {abs(my_loss.item() - loss.item()):.1e},",
              f"gradients by {worst[0]:.1e} relative Frobenius ({worst[1]})")
        assert (mine - logits).abs().max() < 1e-5 and worst[0] < 1e-5


def learning_rate(step):
    """Linear from exactly 0 to the peak, then linear to the end."""
    warmup, decay = OPTIMIZER["warmup_steps"], OPTIMIZER["decay_steps"]
    if step < warmup:
        return OPTIMIZER["peak"] * step / warmup
    return OPTIMIZER["peak"] + (OPTIMIZER["end"] - OPTIMIZER["peak"]) * min(step - warmup, decay) / decay


def masked_loss(model, tokens, mask):
    """The sum of the counted tokens' cross entropies over all B * T positions, however many are counted."""
    tokens = tokens.long()
    logits = model(tokens[:, :-1]).logits
    losses = F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten(), reduction="none")
    return (losses * mask.flatten()).sum() / mask.shape[0] / mask.shape[1]


class PublishedAdamW:
    def __init__(self, model):
        self.step_count = 0
        self.states = []
        for name, p in model.named_parameters():
            inside = name.startswith("transformer.h.") and p.dim() == 2
            decay = 0.0 if p.dim() == 1 else OPTIMIZER["weight_decay"]
            rate = OPTIMIZER["matrix_rate_multiplier"] if inside else 1.0
            self.states.append((p, torch.zeros_like(p), torch.zeros_like(p), rate, decay))

    @torch.no_grad()
    def step(self, rate):
        self.step_count += 1
        beta1, beta2 = OPTIMIZER["beta1"], OPTIMIZER["beta2"]
        correction = math.sqrt(1 - beta2**self.step_count) / (1 - beta1**self.step_count)
        for p, m, v, multiplier, decay in self.states:
            m.mul_(beta1).add_(p.grad, alpha=1 - beta1)
            v.mul_(beta2).addcmul_(p.grad, p.grad, value=1 - beta2)
            p.sub_(rate * multiplier * (correction * m / (v.sqrt() + OPTIMIZER["eps"]) + decay * p))


class TorchAdamW:
    """The same mathematics by torch.optim: an epsilon of its own for each step, decay before the update."""

    def __init__(self, model):
        self.step_count = 0
        self.multipliers = [rate for _, _, _, rate, _ in PublishedAdamW(model).states]
        groups = [{"params": [p], "weight_decay": decay} for p, _, _, _, decay in PublishedAdamW(model).states]
        self.torch = torch.optim.AdamW(groups, betas=(OPTIMIZER["beta1"], OPTIMIZER["beta2"]), foreach=False)

    def step(self, rate):
        self.step_count += 1
        for group, multiplier in zip(self.torch.param_groups, self.multipliers):
            group["lr"] = rate * multiplier
            group["eps"] = OPTIMIZER["eps"] / math.sqrt(1 - OPTIMIZER["beta2"]**self.step_count)
        self.torch.step()


def train(model, batches, masks, optimizer_class=PublishedAdamW):
    """One record a step. grad_norm is the global norm before clipping; the tied matrix counts once."""
    optimizer = optimizer_class(model)
    records = []
    for step, (tokens, mask) in enumerate(zip(batches, masks)):
        model.zero_grad(set_to_none=True)
        loss = masked_loss(model, tokens, mask)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), OPTIMIZER["clip"], error_if_nonfinite=True)
        optimizer.step(learning_rate(step))
        records.append({"step": step, "loss": loss.item(), "grad_norm": norm.item(), "lr": learning_rate(step)})
    return records


def make_masks(shape, seed):
    """About three quarters of the targets count; in step 4 none of the second sequence does, in step 5 all do."""
    masks = (torch.rand(shape, generator=generator(seed)) < 0.75).int()
    masks[4, 1] = 0
    masks[5] = 1
    return masks


def adamw_fixture(check):
    model = make_model(TRAINED, 0.15, 611)
    model.save_pretrained(HERE / "crystalcoder_adamw")
    batches = make_tokens((10, 2, 17), TRAINED.vocab_size, 613)
    masks = make_masks((10, 2, 16), 614)
    double = copy.deepcopy(model).double()
    with OnlyDouble():
        records = train(double, batches, masks)
    final = dict(double.named_parameters())
    save("crystalcoder_adamw", {"tokens": batches, "mask": masks,
                                **{f"param.{key}": p.float() for key, p in final.items()}})
    (HERE / "crystalcoder_adamw.json").write_text(json.dumps(
        {"start": "crystalcoder_adamw/", "optimizer": OPTIMIZER, "decay": "matrices and the embedding",
         "matrix_rate_multiplier": "attention and MLP weights, not the embedding",
         "torch": torch.__version__.split("+")[0],
         "steps": records}, indent=1) + "\n")
    if check:
        start = {key: p.detach().clone() for key, p in model.named_parameters()}
        by_torch = copy.deepcopy(model).double()
        train(by_torch, batches, masks, TorchAdamW)
        worst = max(relative(p, final[key]) for key, p in by_torch.named_parameters())
        print(f"crystalcoder_adamw: the same by torch.optim ends within {worst:.1e} relative Frobenius")
        assert worst < 1e-12
        report("crystalcoder_adamw", start, records, final, train(model, batches, masks),
               dict(model.named_parameters()))
