"""Makers of tree models in the libraries' own formats; see `testing.models`."""

from __future__ import annotations

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
