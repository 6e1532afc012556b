"""Makers of tree models in the libraries' own formats; see `testing.models`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from joulewise.testing.made import MadeModel, in_floats, made, real_rows, scored


def xgboost_classifier(folder: Path) -> MadeModel:
    """Three classes, XGBoost's JSON."""
    import xgboost

    x, y, rows, _ = real_rows("wine")
    model = xgboost.XGBClassifier(n_estimators=10, n_jobs=1).fit(x, y)
    model.save_model(folder / "wine.json")
    return in_floats(folder / "wine.json", rows, scored(model, rows), ("xgboost",), (0, 1, 2))


def xgboost_binary(folder: Path) -> MadeModel:
    """Two classes, UBJSON."""
    import xgboost

    x, y, rows, _ = real_rows("breast_cancer")
    model = xgboost.XGBClassifier(n_estimators=10, n_jobs=1).fit(x, y)
    model.save_model(folder / "cancer.ubj")
    return in_floats(folder / "cancer.ubj", rows, scored(model, rows), ("xgboost",), (0, 1))


def xgboost_regressor(folder: Path) -> MadeModel:
    """Values, UBJSON."""
    import xgboost

    x, y, rows, _ = real_rows("diabetes")
    model = xgboost.XGBRegressor(n_estimators=10, n_jobs=1).fit(x, y)
    model.save_model(folder / "diabetes.ubj")
    return in_floats(folder / "diabetes.ubj", rows, {"values": model.predict(rows)}, ("xgboost",), tolerance=1e-3)


def lightgbm_classifier(folder: Path) -> MadeModel:
    """Three classes."""
    import lightgbm

    x, y, rows, _ = real_rows("wine")
    data = lightgbm.Dataset(x, y)
    told = {"objective": "multiclass", "num_class": 3, "verbose": -1, "num_threads": 1}
    model = lightgbm.train(told, data, num_boost_round=10)
    model.save_model(str(folder / "wine.txt"))
    scores = model.predict(rows)
    answers = {"labels": scores.argmax(axis=1), "scores": scores}
    return made(folder / "wine.txt", rows, answers, ("lightgbm",), (0, 1, 2), nan="answered")


def lightgbm_regressor(folder: Path) -> MadeModel:
    """Values."""
    import lightgbm

    x, y, rows, _ = real_rows("diabetes")
    told = {"objective": "regression", "verbose": -1, "num_threads": 1}
    model = lightgbm.train(told, lightgbm.Dataset(x, y), num_boost_round=10)
    model.save_model(str(folder / "diabetes.txt"))
    return made(folder / "diabetes.txt", rows, {"values": model.predict(rows)}, ("lightgbm",), nan="answered")


def catboost_classifier(folder: Path) -> MadeModel:
    """Three classes with names."""
    import catboost

    x, y, rows, _ = real_rows("wine")
    names = np.array(["barolo", "grignolino", "barbera"])
    told = {"iterations": 10, "verbose": 0, "thread_count": 1, "allow_writing_files": False}
    model = catboost.CatBoostClassifier(**told).fit(x, names[y])
    model.save_model(str(folder / "wine.cbm"))
    narrow = rows.astype(np.float32)
    answers = {"labels": model.predict(narrow).reshape(-1), "scores": model.predict_proba(narrow)}
    return in_floats(folder / "wine.cbm", rows, answers, ("catboost",), ("barbera", "barolo", "grignolino"))


def catboost_regressor(folder: Path) -> MadeModel:
    """Values."""
    import catboost

    x, y, rows, _ = real_rows("diabetes")
    told = {"iterations": 10, "verbose": 0, "thread_count": 1, "allow_writing_files": False}
    model = catboost.CatBoostRegressor(**told).fit(x, y)
    model.save_model(str(folder / "diabetes.cbm"))
    values = {"values": model.predict(rows.astype(np.float32))}
    return in_floats(folder / "diabetes.cbm", rows, values, ("catboost",))


def treelite_checkpoint(folder: Path) -> MadeModel:
    """A forest of scikit-learn's, two classes."""
    import treelite
    from sklearn.ensemble import RandomForestClassifier

    x, y, rows, _ = real_rows("breast_cancer")
    model = RandomForestClassifier(10, random_state=0).fit(x, y)
    treelite.sklearn.import_model(model).serialize(str(folder / "forest.tl"))
    return made(folder / "forest.tl", rows, scored(model, rows), ("treelite",), (0, 1), nan="answered")


def treelite_regressor(folder: Path) -> MadeModel:
    """A forest of regression trees."""
    import treelite
    from sklearn.ensemble import RandomForestRegressor

    x, y, rows, _ = real_rows("diabetes")
    model = RandomForestRegressor(10, max_depth=6, random_state=0).fit(x, y)
    treelite.sklearn.import_model(model).serialize(str(folder / "forest.tl"))
    return made(folder / "forest.tl", rows, {"values": model.predict(rows)}, ("treelite",), nan="answered")


def compiled_forest(folder: Path) -> MadeModel:
    """A forest of two classes, as machine code."""
    return _compiled(treelite_checkpoint(folder), folder, quantize=False)


def compiled_regressor(folder: Path) -> MadeModel:
    """A forest of regression trees, as machine code with quantised thresholds."""
    return _compiled(treelite_regressor(folder), folder, quantize=True)


def compiled_boosted(folder: Path) -> MadeModel:
    """Boosted trees with one margin for two classes that have names."""
    import treelite
    from sklearn.ensemble import HistGradientBoostingClassifier

    x, y, rows, _ = real_rows("breast_cancer")
    names = np.array(["benign", "malignant"], object)
    model = HistGradientBoostingClassifier(max_iter=10, early_stopping=False, random_state=0).fit(x, names[y])
    treelite.sklearn.import_model(model).serialize(str(folder / "boosted.tl"))
    told = made(folder / "boosted.tl", rows, scored(model, rows), ("treelite",), tuple(names), nan="answered")
    return _compiled(told, folder, quantize=True)


def _compiled(model: MadeModel, folder: Path, *, quantize: bool) -> MadeModel:
    from joulewise.compare import artifact_of
    from joulewise.compare.facts import answers
    from joulewise.core.runtimes import Materials
    from joulewise.shrink.transforms.compile_trees import CompileTrees

    source = artifact_of(model.text)
    if model.classes:
        named = answers("classification", classes=list(model.classes), dtype="float64")
        source = replace(source, facts={**source.facts, **named})
    materials = Materials(calibration=folder / "none.npz")
    found = CompileTrees().make(source, {"quantize": quantize}, materials, folder / "compiled")
    return replace(model, text=str(found.path), runtimes=("compiled-trees",), trust=True)
