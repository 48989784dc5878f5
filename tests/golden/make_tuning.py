#!/usr/bin/env python3
"""Writes the golden values of fine-tuning, preference optimisation and low-rank adapters.

    python3 -m venv venv && venv/bin/pip install -r tests/golden/requirements_tuning.txt
    venv/bin/python tests/golden/make_tuning.py              # writes tests/golden/tuning/
    venv/bin/python tests/golden/make_tuning.py --check      # and measures how far float32 runs are from it

Everything is seeded and computed in float64 on one CPU thread, like the values of make_golden.py, whose small LLaMA is
the start of it all. tuning_objectives.py holds losses, gradients and RMSprop steps, tuning_lora.py the adapters.
"""

import argparse
import os
import warnings

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
import transformers

import tuning_lora
import tuning_objectives
from common import HERE


def main():
    parser = argparse.ArgumentParser(description="Write the fixtures of fine-tuning.")
    parser.add_argument("--check", action="store_true", help="compare with float32 runs and print the differences")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    transformers.utils.logging.disable_progress_bar()
    warnings.filterwarnings("ignore", message=".*Could not find a config file.*")
    (HERE / "tuning").mkdir(exist_ok=True)
    tuning_objectives.fine_tuning_fixture(arguments.check)
    tuning_objectives.preference_fixture(arguments.check)
    tuning_objectives.steps_fixture(arguments.check)
    tuning_lora.lora_fixture(arguments.check)


if __name__ == "__main__":
    main()
