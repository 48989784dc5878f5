"""What fine-tuning and preference optimisation minimise, in plain PyTorch, and ten RMSprop steps of each.

Of a pair, row 2i of a batch is the chosen reply and row 2i + 1 the rejected one. log pi is the sum of the counted
log-probabilities of a row, h = (log pi(chosen) - log pi(rejected)) - (the same of the frozen reference), and

    DPO: -(1 - e) log sigmoid(beta h) - e log sigmoid(-beta h),     IPO: (h - 1 / (2 beta))^2

(Rafailov et al., 2023, with label smoothing e; Azar et al., 2023), the mean over pairs. The reward of a row is
beta (log pi - log reference).
"""

import copy
import json

import torch
import torch.nn.functional as F

from amber_adamw import START, report
from common import HERE, generator, relative, save
from double import OnlyDouble, in_double
from families import make_model
from tuning_batches import make_conversations, make_pairs

OBJECTIVES = {"dpo": dict(kind="dpo", beta=0.1, label_smoothing=0.0),
              "dpo_smoothed": dict(kind="dpo", beta=1.0, label_smoothing=0.1),
              "ipo": dict(kind="ipo", beta=0.1, label_smoothing=0.0),
              "ipo_steep": dict(kind="ipo", beta=0.8, label_smoothing=0.0)}
RMSPROP = dict(alpha=0.99, eps=1e-8)
RUNS = {"dpo": dict(OBJECTIVES["dpo"], rate=2e-3, warmup_steps=4, clip=10.0),
        "dpo_clipped": dict(OBJECTIVES["dpo"], beta=2.5, rate=2e-3, warmup_steps=4, clip=6.0),
        "sft": dict(mean="sequences", rate=2e-3, warmup_steps=4, clip=10.0)}


def counted_losses(model, tokens, mask):
    """[B, T] cross entropies, zero where the mask is."""
    tokens = tokens.long()
    logits = model(input_ids=tokens[:, :-1], use_cache=False).logits
    losses = F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten(), reduction="none")
    return losses.view(mask.shape) * mask


def fine_tuning_loss(model, tokens, mask, mean):
    total = counted_losses(model, tokens, mask).sum()
    return total / {"positions": mask.numel(), "counted": mask.sum(), "sequences": len(mask)}[mean]


def log_probs(model, tokens, mask):
    return -counted_losses(model, tokens, mask).sum(1)


def preference(policy, reference, kind, beta, label_smoothing):
    """The loss and what is recorded beside it, of log-probabilities [2P]."""
    ratios = policy - reference
    h = ratios[0::2] - ratios[1::2]
    if kind == "dpo":
        losses = -(1 - label_smoothing) * F.logsigmoid(beta * h) - label_smoothing * F.logsigmoid(-beta * h)
    else:
        losses = (h - 1 / (2 * beta)) ** 2
    rewards = (beta * ratios).detach()
    means = {"chosen_reward": rewards[0::2], "rejected_reward": rewards[1::2], "margin": rewards[0::2] - rewards[1::2],
             "accuracy": (rewards[0::2] > rewards[1::2]).double(), "chosen_log_prob": policy[0::2].detach(),
             "rejected_log_prob": policy[1::2].detach()}
    return losses.mean(), {key: value.mean().item() for key, value in means.items()}


def make_reference(policy, noise, seed):
    """The policy with some noise on every parameter; the padding row stays zero."""
    reference, source = copy.deepcopy(policy), generator(seed)
    with torch.no_grad():
        for parameter in reference.parameters():
            parameter.add_(noise * torch.randn(parameter.shape, generator=source))
        reference.get_input_embeddings().weight[0].zero_()
    return reference


def gradients(model, loss):
    model.zero_grad(set_to_none=True)
    loss.backward()
    return {key: p.grad.clone() for key, p in model.named_parameters()}


def worst_difference(mine, exact):
    return max((relative(mine[key], exact[key]), key) for key in exact)


def fine_tuning_fixture(check):
    """One gradient serves all three means: they differ by a factor."""
    single = make_model(START)
    model, (tokens, mask) = in_double(single), make_conversations(4, 24, 701)
    with OnlyDouble():
        losses = {mean: fine_tuning_loss(model, tokens, mask, mean) for mean in ("positions", "counted", "sequences")}
        found = gradients(model, losses["counted"])
    save("tuning/sft", {"tokens": tokens, "mask": mask, **{f"loss.{key}": x.reshape(1) for key, x in losses.items()},
                        **{f"grad.{key}": x.float() for key, x in found.items()}})
    if check:
        mine = fine_tuning_loss(single, tokens, mask, "counted")
        worst = worst_difference(gradients(single, mine), found)
        print(f"tuning/sft: {mask.sum(1).tolist()} of {mask.shape[1]} targets count; losses",
              {key: round(x.item(), 6) for key, x in losses.items()},
              f"float32 is off by {mine - losses['counted']:.1e}, gradients by {worst[0]:.1e} ({worst[1]})")


def preference_fixture(check):
    single = make_model(START)
    noisy = make_reference(single, 0.06, 711)
    noisy.save_pretrained(HERE / "tuning" / "reference")
    model, reference = in_double(single), in_double(noisy)
    tokens, mask = make_pairs(4, 24, 721, extremes=True)
    with OnlyDouble(), torch.no_grad():
        frozen = log_probs(reference, tokens, mask)
    tensors, records = {}, {}
    for name, objective in OBJECTIVES.items():
        with OnlyDouble():
            policy = log_probs(model, tokens, mask)
            loss, record = preference(policy, frozen, **objective)
            found = gradients(model, loss)
        records[name] = {**objective, "loss": loss.item(), **record}
        tensors.update({f"{name}.grad.{key}": x.float() for key, x in found.items()})
        if check:
            mine = preference(log_probs(single, tokens, mask), frozen.float(), **objective)[0]
            worst = worst_difference(gradients(single, mine), found)
            print(f"tuning/preference: {name} float32 is off by {mine - loss:.1e}, gradients by {worst[0]:.1e}",
                  f"({worst[1]})", records[name])
    save("tuning/preference", {"tokens": tokens, "mask": mask, "policy": policy, "reference": frozen, **tensors})
    (HERE / "tuning" / "preference.json").write_text(json.dumps(records, indent=1) + "\n")
    if check:
        ratios = policy - frozen
        print("tuning/preference: replies of", mask.sum(1).tolist(), "tokens, h",
              (ratios[0::2] - ratios[1::2]).tolist())


def train(model, batches, run):
    """Ten RMSprop steps; grad_norm is the global norm before clipping. `batches`: tokens, mask, reference or None."""
    optimizer = torch.optim.RMSprop(model.parameters(), lr=0.0, **RMSPROP, foreach=False)
    records = []
    for step, (tokens, mask, reference) in enumerate(batches):
        optimizer.zero_grad(set_to_none=True)
        if reference is None:
            loss, record = fine_tuning_loss(model, tokens, mask, run["mean"]), {}
        else:
            loss, record = preference(log_probs(model, tokens, mask), reference,
                                      **{key: run[key] for key in ("kind", "beta", "label_smoothing")})
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), run["clip"], error_if_nonfinite=True)
        rate = run["rate"] * min(1.0, (step + 1) / (run["warmup_steps"] + 1))
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        records.append({"step": step, "loss": loss.item(), "grad_norm": norm.item(), "lr": rate, **record})
    return records


def steps_fixture(check):
    single = make_model(START)
    start = {key: p.detach().clone() for key, p in single.named_parameters()}
    reference = in_double(make_reference(single, 0.06, 711))
    pairs = [make_pairs(2, 16, 731 + step) for step in range(10)]
    conversations = [make_conversations(2, 16, 751 + step) for step in range(10)]
    with torch.no_grad():
        frozen = [log_probs(reference, *pair) for pair in pairs]
    tensors = {"dpo.reference": torch.stack(frozen)}
    for name, both in (("dpo", pairs), ("sft", conversations)):
        tensors.update({f"{name}.tokens": torch.stack([tokens for tokens, _ in both]),
                        f"{name}.mask": torch.stack([mask for _, mask in both])})
    records = {}
    for name, run in RUNS.items():
        batches = ([(*pair, x) for pair, x in zip(pairs, frozen)] if "kind" in run else
                   [(*both, None) for both in conversations])
        model = in_double(single)
        steps = train(model, batches, run)
        final = dict(model.named_parameters())
        records[name] = {**run, **RMSPROP, "steps": steps}
        tensors.update({f"{name}.param.{key}": p.float() for key, p in final.items()})
        if check:
            mine = copy.deepcopy(single)
            my_steps = train(mine, batches, run)
            report(f"tuning/steps {name}", start, steps, final, my_steps, dict(mine.named_parameters()))
            print([round(step["grad_norm"], 3) for step in steps], [step.get("accuracy") for step in steps])
    save("tuning/steps", tensors)
    (HERE / "tuning" / "steps.json").write_text(json.dumps(records, indent=1) + "\n")
