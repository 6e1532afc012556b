"""Three models for scikit-learn's digits, as a project would have them: files, and rows that they have not seen.

python examples/models.py FOLDER    writes logistic.joblib, forest.joblib, boosted.joblib, train.npz, eval.npz
"""

from __future__ import annotations

import sys
from pathlib import Path

import joblib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

MODELS = {
    "logistic": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
    "forest": RandomForestClassifier(200, random_state=0),
    "boosted": HistGradientBoostingClassifier(max_iter=40, random_state=0),
}


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    x, y = load_digits(return_X_y=True)
    seen, unseen, y_seen, y_unseen = train_test_split(x, y, test_size=0.6, random_state=0, stratify=y)
    np.savez(folder / "train.npz", x=seen, y=y_seen)
    np.savez(folder / "eval.npz", x=unseen, y=y_unseen)
    for name, model in MODELS.items():
        joblib.dump(model.fit(seen, y_seen), folder / f"{name}.joblib")
        print(f"{name:9} accuracy {model.score(unseen, y_unseen):.3f} on {len(unseen)} rows")


if __name__ == "__main__":
    if "--help" in sys.argv or "-h" in sys.argv:
        sys.exit(__doc__)
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
