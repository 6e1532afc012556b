"""Train six kinds of model on scikit-learn's bundled digits, and let joulewise say what each one costs.

Run it by itself, or as `make demo` does:  joulewise run --name digits-demo --zone DE -- python examples/digits.py
Options: the number of seeds that each model is trained with (default 3).
"""

from __future__ import annotations

import os
import sys
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # matrices this small: more threads would wait for one another

from sklearn.datasets import load_digits
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import joulewise


def models(seed: int) -> dict[str, Any]:
    """The contestants, cheapest first."""
    return {
        "k-nn": KNeighborsClassifier(),
        "svm": make_pipeline(StandardScaler(), SVC(C=10, random_state=seed)),
        "logistic": make_pipeline(StandardScaler(), LogisticRegression(max_iter=2_000)),
        "random-forest": RandomForestClassifier(n_estimators=300, n_jobs=-1, random_state=seed),
        "mlp": make_pipeline(
            StandardScaler(), MLPClassifier((128,), n_iter_no_change=20, max_iter=500, random_state=seed)
        ),
        "boosted-trees": GradientBoostingClassifier(
            n_estimators=40, learning_rate=0.2, subsample=0.5, random_state=seed
        ),
    }


def main(seeds: int) -> None:
    with joulewise.measure("digits", kind="train", unit="inference") as session:
        with session.phase("load"):
            x, y = load_digits(return_X_y=True)
            x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.5, random_state=0, stratify=y)
        for name in models(0):
            with session.phase(f"train:{name}"):
                fitted = [models(seed)[name].fit(x_train, y_train) for seed in range(seeds)]
            with session.phase(f"evaluate:{name}"):
                accuracy = sum(model.score(x_test, y_test) for model in fitted) / seeds
                session.count("inference", seeds * len(y_test))
                session.log(accuracy=accuracy)
            print(f"{name:14} accuracy {accuracy:.3f} over {seeds} seeds", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
