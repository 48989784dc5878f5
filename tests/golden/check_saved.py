#!/usr/bin/env python3
"""Shows that a saved model directory computes what another one computes, by loading both with transformers.

    venv/bin/python tests/golden/check_saved.py DIR_SAVED DIR_ORIGINAL

Prints the largest difference of the logits on random tokens, relative to the largest logit, both models in float32.
Exit code 1 if it is above 1e-6, or if a tensor is missing in, or strange to, the saved directory. A directory whose
`model_type` is "crystalcoder" is loaded with the class of this folder.
"""

import argparse
import json
import pathlib
import sys

import torch
import transformers

from common import generator
from crystalcoder import CrystalCoder

LIMIT = 1e-6


def load(directory):
    """A float32 model, and what the files lack or hold beyond it."""
    if not (directory / "config.json").is_file():
        sys.exit(f"{directory}: no config.json there")
    if json.loads((directory / "config.json").read_text())["model_type"] == "crystalcoder":
        return CrystalCoder.from_pretrained(directory), []
    model, report = transformers.AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32,
                                                                      output_loading_info=True)
    wrong = [f"{kind.removesuffix('_keys')}: {key}" for kind in ("missing_keys", "unexpected_keys", "mismatched_keys")
             for key in report[kind]]
    return model.eval(), wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("saved", type=pathlib.Path)
    parser.add_argument("original", type=pathlib.Path)
    parser.add_argument("--length", type=int, default=24, help="tokens a sequence (24)")
    arguments = parser.parse_args()
    transformers.utils.logging.disable_progress_bar()
    (saved, wrong), (original, _) = load(arguments.saved), load(arguments.original)
    vocabulary = original.config.vocab_size
    if saved.config.vocab_size != vocabulary:
        sys.exit(f"vocabularies differ: {saved.config.vocab_size} and {vocabulary}")
    tokens = torch.randint(0, vocabulary, (3, arguments.length), generator=generator(7))
    with torch.no_grad():
        mine, theirs = (model(input_ids=tokens, use_cache=False).logits for model in (saved, original))
    difference = ((mine - theirs).abs().max() / theirs.abs().max()).item()
    print(f"{type(saved).__name__}: logits up to {theirs.abs().max():.3f},",
          f"largest relative difference {difference:.1e}")
    print("\n".join(wrong), end="\n" if wrong else "")
    return int(bool(wrong) or not difference <= LIMIT)


if __name__ == "__main__":
    sys.exit(main())
