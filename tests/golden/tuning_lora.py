"""Low-rank adapters as `peft` makes, trains, saves and merges them.

Every adapter directory is what `save_pretrained` writes (its README.md left out, the list of targets sorted, so that
the bytes repeat). The numbers come from the same adapters in float64 over the float64 model.
"""

import copy
import json

import peft
import safetensors.torch
import torch
from transformers import AutoModelForCausalLM
from transformers.pytorch_utils import Conv1D

from amber_adamw import START, report
from common import HERE, forward, generator, save
from crystalcoder import CrystalCoder
from double import OnlyDouble, in_double
from families import make_model
from tuning_batches import make_conversations
from tuning_objectives import fine_tuning_loss, worst_difference

ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
TARGETS = {"all": ALL, "qv": ["q_proj", "v_proj"]}
ADAMW = dict(lr=5e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
CLIPS = {"all": 1.0, "qv": 0.06}  # the second acts
# Families whose files hold fused or transposed matrices: the modules with an adapter, rank and alpha.
LAYOUTS = {"crystalcoder": (["c_attn", "c_proj", "c_fc", "c_fc2"], 3, 6),
           "neox_20b": (["query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"], 3, 6),
           "falcon_40b": (["query_key_value", "dense_h_to_4h"], 2, 5),
           "gptj": (["q_proj", "v_proj", "out_proj", "fc_in"], 2, 4),
           "mpt": (["Wqkv", "down_proj"], 2, 4)}


class Adapted(CrystalCoder):
    """CrystalCoder as peft asks for it: with the Conv1D of transformers; parameters and names stay."""

    def __init__(self, config):
        super().__init__(config)
        config.to_dict = dict
        for module in list(self.modules()):
            for name, child in list(module.named_children()):
                if type(child).__name__ == "Conv1D":
                    conv = Conv1D(child.weight.shape[1], child.weight.shape[0])
                    conv.weight, conv.bias = child.weight, child.bias
                    setattr(module, name, conv)

    def forward(self, input_ids, **_):
        return super().forward(input_ids)

    def prepare_inputs_for_generation(self):
        raise NotImplementedError


def lora(targets, rank, alpha, base, **more):
    return peft.LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=0.0, bias="none", target_modules=list(targets),
                           task_type="CAUSAL_LM", base_model_name_or_path=base, **more)


def write_adapter(name, model, config, seed, deviation=None):
    """peft's initial adapter of a float32 model, its B normal(0, deviation) where that is given, and its directory."""
    torch.manual_seed(seed)
    base = copy.deepcopy(model)
    base.name_or_path = config.base_model_name_or_path
    adapted, source = peft.get_peft_model(base, config), generator(seed + 1)
    if deviation is not None:
        with torch.no_grad():
            for key, parameter in adapted.named_parameters():
                if "lora_B" in key:
                    parameter.copy_(deviation * torch.randn(parameter.shape, generator=source))
    directory = HERE / "tuning" / name
    adapted.save_pretrained(directory, save_embedding_layers=False)
    (directory / "README.md").unlink(missing_ok=True)
    file = directory / "adapter_config.json"
    written = json.loads(file.read_text())
    written["target_modules"].sort()
    file.write_text(json.dumps(written, indent=2, sort_keys=True))
    return directory


def load(model, directory):
    """The saved adapter over a model, in the model's type."""
    return peft.PeftModel.from_pretrained(model, directory, is_trainable=True, autocast_adapter_dtype=False)


def trained(adapted):
    """Adapter tensors by their names in the file."""
    return {key.replace(".default", ""): p for key, p in adapted.named_parameters() if p.requires_grad}


def adapter_gradients(adapted, loss):
    adapted.zero_grad(set_to_none=True)
    loss.backward()
    return {key: p.grad.clone() for key, p in trained(adapted).items()}


def gradient_fixture(model, tensors, check):
    """Logits, loss and gradients of adapters whose B is not zero; the merged matrices of one of them."""
    tokens, mask = make_conversations(2, 16, 801)
    tensors.update({"tokens": tokens, "mask": mask})
    for i, (name, targets) in enumerate({**TARGETS, "stabilized": ALL}.items()):
        config = lora(targets, 4, 8, "llama_tiny_adamw", use_rslora=name == "stabilized")
        directory = write_adapter(f"lora_{name}", model, config, 811 + 2 * i, 0.1)
        adapted = load(in_double(model), directory)
        with OnlyDouble():
            logits, loss = forward(adapted, tokens)[0], fine_tuning_loss(adapted, tokens, mask, "counted")
            found = adapter_gradients(adapted, loss)
        assert sorted(found) == sorted(safetensors.torch.load_file(directory / "adapter_model.safetensors"))
        tensors[f"{name}.logits"], tensors[f"{name}.loss"] = logits.float(), loss.reshape(1)
        if name != "stabilized":
            tensors.update({f"{name}.grad.{key}": x.float() for key, x in found.items()})
        if check:
            mine, base = load(copy.deepcopy(model), directory), forward(in_double(model), tokens)[0]
            my_loss = fine_tuning_loss(mine, tokens, mask, "counted")
            worst = worst_difference(adapter_gradients(mine, my_loss), found)
            print(f"tuning/lora_{name}: moves logits by {(logits - base).abs().max():.2f} of {base.abs().max():.2f};",
                  f"loss {loss.item():.6f}, float32 is off by {my_loss - loss:.1e}, gradients by {worst[0]:.1e}",
                  f"({worst[1]})")
        if name == "all":
            plain, merged = dict(in_double(model).named_parameters()), adapted.merge_and_unload()
            changed = {key: p for key, p in merged.named_parameters() if not p.equal(plain[key])}
            assert len(changed) == 14 and (forward(merged, tokens)[0] - logits).abs().max() < 1e-14
            tensors.update({f"merged.{key}": p.float() for key, p in changed.items()})


def train(adapted, batches, clip):
    """Ten AdamW steps at a constant rate; grad_norm is the global norm of the adapters' gradients before clipping."""
    parameters = list(trained(adapted).values())
    optimizer = torch.optim.AdamW(parameters, **ADAMW, foreach=False)
    records = []
    for step, (tokens, mask) in enumerate(batches):
        optimizer.zero_grad(set_to_none=True)
        loss = fine_tuning_loss(adapted, tokens, mask, "counted")
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(parameters, clip, error_if_nonfinite=True)
        optimizer.step()
        records.append({"step": step, "loss": loss.item(), "grad_norm": norm.item(), "lr": ADAMW["lr"]})
    return records


def steps_fixture(model, tensors, check):
    batches = [make_conversations(2, 16, 821 + step) for step in range(10)]
    tensors.update({"steps.tokens": torch.stack([tokens for tokens, _ in batches]),
                    "steps.mask": torch.stack([mask for _, mask in batches])})
    records = {}
    for name, targets in TARGETS.items():
        directory = write_adapter(f"lora_start_{name}", model, lora(targets, 4, 8, "llama_tiny_adamw"), 841)
        adapted = load(in_double(model), directory)
        steps, final = train(adapted, batches, CLIPS[name]), trained(adapted)
        records[name] = {"start": directory.name, "optimizer": ADAMW, "clip": CLIPS[name], "steps": steps}
        tensors.update({f"{name}.param.{key}": p.float() for key, p in final.items()})
        if check:
            mine = load(copy.deepcopy(model), directory)
            start = {key: p.detach().clone() for key, p in trained(mine).items()}
            report(f"tuning/lora {name}", start, steps, final, train(mine, batches, CLIPS[name]), trained(mine))
            print([round(step["loss"], 3) for step in steps], [round(step["grad_norm"], 3) for step in steps])
    (HERE / "tuning" / "lora.json").write_text(json.dumps(records, indent=1) + "\n")


def layout_fixture(tensors, check):
    """Adapters of other families: logits of the windows in the family's own fixture."""
    for i, (family, (targets, rank, alpha)) in enumerate(LAYOUTS.items()):
        tokens = safetensors.torch.load_file(HERE / f"{family}.safetensors")["tokens"]
        more = dict(fan_in_fan_out=True) if family == "crystalcoder" else {}
        model = (Adapted.from_pretrained(HERE / family) if family == "crystalcoder" else
                 AutoModelForCausalLM.from_pretrained(HERE / family, dtype=torch.float32))
        directory = write_adapter(f"lora_{family}", model, lora(targets, rank, alpha, family, **more), 861 + 2 * i, 0.2)
        double = copy.deepcopy(model).double() if family == "crystalcoder" else in_double(model)
        plain, adapted = copy.deepcopy(double), load(double, directory)
        with OnlyDouble(), torch.no_grad():
            logits, base = forward(adapted, tokens)[0], forward(plain, tokens)[0]
        assert (forward(adapted.merge_and_unload(), tokens)[0] - logits).abs().max() < 1e-12
        tensors[f"{family}.logits"] = logits.float()
        if check:
            mine = forward(load(copy.deepcopy(model), directory), tokens)[0]
            print(f"tuning/lora_{family}: the adapter moves logits by {(logits - base).abs().max():.2f} of",
                  f"{base.abs().max():.2f}; float32 is off by {(mine - logits).abs().max():.1e}")


def lora_fixture(check):
    model, tensors = make_model(START), {}
    gradient_fixture(model, tensors, check)
    steps_fixture(model, tensors, check)
    layout_fixture(tensors, check)
    save("tuning/lora", tensors)
