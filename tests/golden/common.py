"""What every fixture uses: seeded numbers, files, differences, and the forward pass with its loss."""

import pathlib

import safetensors.torch
import torch
import torch.nn.functional as F

HERE = pathlib.Path(__file__).resolve().parent


def generator(seed):
    return torch.Generator().manual_seed(seed)


def randomize(model, scale, seed):
    """Matrices normal(0, scale), norm gains normal(1, 0.2), biases normal(0, 0.2), so that a missing one shows."""
    source = generator(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=source)
            if parameter.dim() > 1:
                parameter.copy_(scale * noise)
            else:
                parameter.copy_(0.2 * noise if name.endswith(".bias") else 1 + 0.2 * noise)


def make_tokens(shape, vocabulary, seed):
    """Random ids; every sequence has id 0 as an input, once at the start and once inside, and once as a target."""
    tokens = torch.randint(0, vocabulary, shape, generator=generator(seed), dtype=torch.int32)
    flat = tokens.view(-1, shape[-1])
    flat[0, 0] = 0
    flat[:, 5] = 0
    return tokens


def forward(model, tokens):
    """Logits [B, T, V] of tokens [B, T + 1] without the last, and the mean cross entropy of the next tokens."""
    tokens = tokens.long()
    logits = model(input_ids=tokens[:, :-1], use_cache=False).logits
    return logits, F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())


def save(name, tensors):
    path = HERE / f"{name}.safetensors"
    safetensors.torch.save_file({key: value.detach().clone().contiguous() for key, value in tensors.items()}, path)


def saved_names(directory):
    """The names of all tensors in the weight files of a directory, one file or many."""
    names = []
    for path in sorted(directory.glob("*.safetensors")):
        with safetensors.safe_open(path, "pt") as file:
            names += file.keys()
    return names


def relative(a, b):
    return ((a.double() - b.double()).norm() / b.double().norm().clamp_min(1e-300)).item()


def drift(a, b, key):
    return max(abs(x[key] - y[key]) for x, y in zip(a, b))
