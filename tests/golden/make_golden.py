#!/usr/bin/env python3
"""Writes the golden values that the C++ tests compare with, from PyTorch and Hugging Face transformers.

    python3 -m venv venv && venv/bin/pip install -r tests/golden/requirements.txt
    venv/bin/python tests/golden/make_golden.py                  # writes next to this file
    venv/bin/python tests/golden/make_golden.py --check          # and measures how far float32 runs are from it
    venv/bin/python tests/golden/make_golden.py --only mistral   # one fixture; may be repeated

Everything is seeded and computed on one CPU thread in float64; nothing needs the network. The tests themselves
need neither Python nor PyTorch. `--check` compares with the untouched float32 models of transformers, and with a
forward pass in NumPy that shares no code with them.

families.py holds the model families of transformers, double.py how they are computed in float64, amber_adamw.py a
training run of one; crystalcoder.py a family of its own, crystalcoder_fixtures.py its values and its training;
ops.py single operations; independent.py the second forward pass; common.py what they share.
"""

import argparse
import functools
import sys

import numpy
import safetensors
import torch
import transformers

import amber_adamw
import crystalcoder_fixtures
import independent
from families import FAMILIES, HALVES, family_fixture, half_fixture
from ops import ops_fixture

FIXTURES = {**{name: functools.partial(family_fixture, name) for name in FAMILIES},
            **{name: functools.partial(half_fixture, name) for name in HALVES},
            "llama_tiny_adamw": amber_adamw.adamw_fixture,
            "crystalcoder": crystalcoder_fixtures.crystalcoder_fixture,
            "crystalcoder_adamw": crystalcoder_fixtures.adamw_fixture,
            "ops": ops_fixture}
MODELS = [*FAMILIES, *HALVES, "crystalcoder"]  # those with logits


def main():
    parser = argparse.ArgumentParser(description="Write the golden fixtures.")
    parser.add_argument("--check", action="store_true", help="compare with float32 runs and print the differences")
    parser.add_argument("--only", action="append", choices=FIXTURES, metavar="NAME",
                        help="write this fixture alone: " + ", ".join(FIXTURES))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    transformers.utils.logging.disable_progress_bar()
    for name in arguments.only or FIXTURES:
        FIXTURES[name](arguments.check)
        if arguments.check and name in MODELS:
            independent.compare(name)
    if arguments.check:
        print(f"python {sys.version.split()[0]}, torch {torch.__version__}, numpy {numpy.__version__},",
              f"transformers {transformers.__version__}, safetensors {safetensors.__version__}")


if __name__ == "__main__":
    main()
