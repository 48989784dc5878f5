"""Golden values of evaluations, made by EleutherAI's LM Evaluation Harness.

    python make_evaluation.py NATIVE ../eval/data

NATIVE holds the sets as published: arc/, hellaswag/, mmlu/ and truthfulqa/, see ../eval/data/SOURCES.md. Writes a
small part of each to ../eval/data and runs the harness on it (versions in requirements_evaluation.txt; CPU, float32, no
network) with the model of ../models/stories260K and the tokenizer of ../text/data. The definitions of the tasks are
the harness's own files, but for where the data come from. Writes lm_eval.json: for each question its id, the SHA-256
of its prompt, and for each choice the log-likelihood and whether it is greedy; for each task and group the metrics.
"""

import csv
import hashlib
import json
import math
import os
import random
import re
import shutil
import sys
import tempfile
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1")
import lm_eval
import lm_eval.tasks
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks._yaml_loader import load_yaml

HERE = Path(__file__).parent
SUBJECTS = ["formal_logic", "global_facts", "sociology", "abstract_algebra", "us_foreign_policy"]


def lines(path):
    with open(path) as file:
        return [json.loads(line) for line in file]


def write_lines(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def cut(native, out):
    """A part of each set, in its own format."""
    for name in ["Easy", "Challenge"]:
        for split, count in [("test", 100), ("validation", 60)]:
            file = f"arc/ARC-{name}-{split}.jsonl"
            write_lines(out / file, lines(native / file)[:count])
    write_lines(out / "hellaswag/hellaswag_val.jsonl", lines(native / "hellaswag/hellaswag_val.jsonl")[:100])
    for subject in SUBJECTS:
        for split, count in [("dev", 5), ("test", 20)]:
            file = f"mmlu/{split}/{subject}_{split}.csv"
            with open(native / file, newline="") as source:
                rows = list(csv.reader(source))[:count]
            (out / file).parent.mkdir(parents=True, exist_ok=True)
            with open(out / file, "w", newline="") as target:
                csv.writer(target, lineterminator="\n").writerows(rows)
    (out / "truthfulqa").mkdir(parents=True, exist_ok=True)
    questions = json.loads((native / "truthfulqa/mc_task.json").read_text())[:100]
    (out / "truthfulqa/mc_task.json").write_text(json.dumps(questions, indent=1, ensure_ascii=False) + "\n")


def definition(name, **changes):
    """The harness's own task, reading other files."""
    folder = Path(lm_eval.tasks.__file__).parent
    config = load_yaml(folder / name, resolve_func=True)
    for key in ["dataset_name", "tag", "training_split"]:
        config.pop(key, None)
    config.update(changes)
    return config


def from_files(**files):
    return {"dataset_path": "json", "dataset_kwargs": {"data_files": {k: str(v) for k, v in files.items()}}}


def tasks(data, work):
    """Native files as the rows that the harness expects, and the tasks over them."""
    result = {}
    for name, part in [("arc_easy", "Easy"), ("arc_challenge", "Challenge")]:
        files = {s: data / f"arc/ARC-{part}-{s}.jsonl" for s in ["validation", "test"]}
        result[name] = definition(f"arc/{name}.yaml", num_fewshot=25, **from_files(**files))
    rows = lines(data / "hellaswag/hellaswag_val.jsonl")
    # These copies of the set have one context; the harness wants it in two parts.
    rows = [{**row, "ctx_a": row["ctx"], "ctx_b": "", "label": str(row["label"])} for row in rows]
    write_lines(work / "hellaswag.jsonl", rows)
    result["hellaswag"] = definition(
        "hellaswag/hellaswag.yaml", num_fewshot=10, **from_files(validation=work / "hellaswag.jsonl")
    )
    for subject in sorted(path.name[: -len("_test.csv")] for path in (data / "mmlu/test").glob("*.csv")):
        files = {}
        for split in ["dev", "test"]:
            files[split] = work / f"{subject}_{split}.jsonl"
            with open(data / f"mmlu/{split}/{subject}_{split}.csv") as source:
                rows = [
                    {"question": row[0], "choices": row[1:5], "answer": "ABCD".index(row[5])}
                    for row in csv.reader(source)
                ]
            write_lines(files[split], rows)
        result[f"mmlu_{subject}"] = definition(
            f"mmlu/default/mmlu_{subject}.yaml", num_fewshot=5, **from_files(**files)
        )
    rows = json.loads((data / "truthfulqa/mc_task.json").read_text())
    for row in rows:
        for targets in ["mc1_targets", "mc2_targets"]:
            row[targets] = {"choices": list(row[targets]), "labels": list(row[targets].values())}
    write_lines(work / "truthfulqa.jsonl", rows)
    for name in ["truthfulqa_mc1", "truthfulqa_mc2"]:
        result[name] = definition(
            f"truthfulqa/{name}.yaml", **from_files(validation=work / "truthfulqa.jsonl")
        )
    return result


def model_directory(work, bos):
    directory = work / f"model_{bos}"
    directory.mkdir()
    for file in ["config.json", "model.safetensors"]:
        shutil.copy(HERE.parent / "models/stories260K" / file, directory)
    shutil.copy(HERE.parent / "text/data/tok512.model", directory / "tokenizer.model")
    return directory


def run(configs, work, bos, limit=None, batch=8, samples=True):
    model = HFLM(
        pretrained=str(model_directory(work, bos)), device="cpu", dtype="float32", batch_size=batch, add_bos_token=bos
    )
    return lm_eval.simple_evaluate(
        model=model, tasks=list(configs.values()), limit=limit, log_samples=samples, bootstrap_iters=1
    )


def metrics(result):
    return {
        key.split(",")[0]: value
        for key, value in result.items()
        if "," in key and isinstance(value, (int, float)) and not math.isnan(value)
    }


def record(results):
    tasks = {}
    for name, samples in results["samples"].items():
        questions = []
        for sample in sorted(samples, key=lambda s: s["doc_id"]):
            prompt, _ = sample["arguments"][0]
            answers = [response[0] for response in sample["resps"]]
            questions.append(
                {
                    "id": sample["doc_id"],
                    "prompt": hashlib.sha256(prompt.encode()).hexdigest()[:16],
                    "sums": [round(float(a[0]), 5) for a in answers],
                    "greedy": [i for i, a in enumerate(answers) if a[1]],
                }
            )
        tasks[name] = {"metrics": metrics(results["results"][name]), "questions": questions}
    return tasks


def rolling(work, out):
    """Perplexity of texts, one shorter and one longer than the context."""
    story = (HERE.parent / "models/stories260K/expected_temp0_200.txt").read_text()
    texts = [story, " ".join([story] * 6) + "\n\n naïve\u00a0café \n"]
    rows = []
    for bos in [False, True]:
        directory = model_directory(work, f"rolling_{bos}")
        model = HFLM(pretrained=str(directory), device="cpu", dtype="float32", batch_size=4, add_bos_token=bos)

        class Request:
            def __init__(self, text):
                self.args = (text,)

        sums = model.loglikelihood_rolling([Request(text) for text in texts], disable_tqdm=True)
        rows.append({"add_bos": bos, "sums": [float(s) for s in sums]})
    return {
        "texts": texts,
        "words": [len(re.split(r"\s+", text)) for text in texts],
        "bytes": [len(text.encode()) for text in texts],
        "runs": rows,
    }


def python_values():
    draws = []
    for seed, size, count in [(1234, 10, 3), (1234, 60, 25), (1234, 300, 25), (1234, 1119, 25), (7, 85, 11), (7, 86, 11), (0, 5, 5)]:
        rnd = random.Random(seed)
        draws.append({"seed": seed, "size": size, "count": count, "draws": [rnd.sample(range(size), count) for _ in range(3)]})
    from lm_eval.tasks.hellaswag.utils import preprocess

    texts = ["  A [title] b [x] [y]z  c   d ", "[substeps] one [a] [title] Two", "no", "\u00a0x [t\nu] y", "a]b[c", "[[a]b]", ""]
    clean = [{"text": t, "cleaned": preprocess(t)} for t in texts]
    capital = [{"text": t, "capitalized": t.capitalize()} for t in ["he Is", "THE Lady's", "", " a B", "éÀ ok", "ЖЗ жз", "ß", "αΒΓ"]]
    from lm_eval.api.metrics import aggregate_subtask_metrics, mean_stderr, pooled_sample_stderr, unweighted_mean_stderr

    answers = [[1, 0, 0, 1, 1, 0, 1], [0, 1, 1], [1, 1, 1, 1, 0, 1, 1, 1, 0, 1, 1]]
    means, errors, sizes = [sum(a) / len(a) for a in answers], [mean_stderr(a) for a in answers], [len(a) for a in answers]
    group = {
        "answers": answers,
        "stderrs": errors,
        "by_size": [aggregate_subtask_metrics(means, sizes), float(pooled_sample_stderr(errors, sizes))],
        "by_task": [aggregate_subtask_metrics(means, sizes, False), float(unweighted_mean_stderr(errors))],
    }
    return {"group": group, "draws": draws, "cleaned": clean, "capitalized": [c for c in capital if c["text"] != "ß"]}


def main(native, out):
    out.mkdir(parents=True, exist_ok=True)
    cut(native, out)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        configs = tasks(out, work)
        golden = {"lm_eval": lm_eval.__version__, "add_bos": True, "tasks": record(run(configs, work, True))}
        few = {name: configs[name] for name in ["arc_challenge", "truthfulqa_mc1"]}
        golden["without_bos"] = record(run(few, work, False, limit=10))
        golden["rolling"] = rolling(work, out)
        golden["python"] = python_values()
    write_golden(golden, out / "lm_eval.json")


def write_golden(golden, path):
    text = json.dumps(golden, ensure_ascii=False)
    for mark in ['{"id"', '"metrics"', '"without_bos"', '"rolling"', '"python"', '{"seed"']:
        text = text.replace(mark, "\n" + mark)
    path.write_text(text + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
