"""Linear models as plain arrays: what the arrays answer is what scikit-learn answers, or the model is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.feature_selection import SelectKBest, VarianceThreshold, f_classif
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import LinearSVC

from joulewise.compare.linear_files import write_linear
from joulewise.core.errors import ModelError
from joulewise.shrink.transforms.linear_steps import folded, steps_of

pytestmark = pytest.mark.filterwarnings("ignore")
IRIS, CANCER, DIABETES = (load(return_X_y=True) for load in (load_iris, load_breast_cancer, load_diabetes))


def finish(scores, activation):
    if activation == "softmax":
        raised = np.exp(scores - scores.max(axis=1, keepdims=True))
        return raised / raised.sum(axis=1, keepdims=True)
    return {
        "identity": lambda x: x,
        "relu": lambda x: np.maximum(x, 0),
        "tanh": np.tanh,
        "logistic": lambda x: 1 / (1 + np.exp(-x)),
    }[activation](scores)


def computed(steps, x):
    """The format's own words: (x - shift) * factor, activation(x @ weight + bias)."""
    for step in steps:
        if step["op"] == "scale":
            x = (x - step["shift"]) * step["factor"]
        else:
            x = finish(x @ step["weight"] + step["bias"], step.get("activation", "identity"))
    return x


def asked(model, x):
    """Probabilities (of two classes the second), decisions where there are none, values of a regression."""
    if hasattr(model, "predict_proba"):
        scores = model.predict_proba(x)
        return scores[:, 1:] if scores.shape[1] == 2 else scores
    if hasattr(model, "decision_function"):
        return np.reshape(model.decision_function(x), (len(x), -1))
    return np.reshape(model.predict(x), (len(x), -1))


@pytest.mark.parametrize(
    ("model", "data"),
    [
        (LogisticRegression(max_iter=500), IRIS),
        (LogisticRegression(max_iter=500), CANCER),
        (LinearDiscriminantAnalysis(), IRIS),
        (LinearRegression(), DIABETES),
        (Ridge(fit_intercept=False), DIABETES),
        (MLPClassifier((6, 5), activation="tanh", max_iter=30, random_state=0), IRIS),
        (MLPClassifier((6,), activation="logistic", max_iter=30, random_state=0), CANCER),
        (MLPRegressor(hidden_layer_sizes=(6,), max_iter=30, random_state=0), DIABETES),
        (make_pipeline(StandardScaler(), PCA(2), LogisticRegression()), IRIS),
        (make_pipeline(PCA(3, whiten=True), "passthrough", LogisticRegression()), IRIS),
        (make_pipeline(MinMaxScaler((-2, 5)), MaxAbsScaler(), RobustScaler(), LogisticRegression()), IRIS),
        (make_pipeline(StandardScaler(with_mean=False), RobustScaler(with_scaling=False), Ridge()), DIABETES),
        (make_pipeline(StandardScaler(with_std=False), RobustScaler(with_centering=False), Ridge()), DIABETES),
        (make_pipeline(VarianceThreshold(0.1), SelectKBest(f_classif, k=2), LogisticRegression()), IRIS),
        (GridSearchCV(make_pipeline(StandardScaler(), Ridge()), {"ridge__alpha": [0.1, 1.0]}, cv=2), DIABETES),
    ],
    ids=lambda found: "" if isinstance(found, tuple) else str(found)[:60].replace("\n", ""),
)
def test_the_arrays_answer_as_scikit_learn_does(model, data):
    x, y = data
    fitted = model.fit(x, y)

    assert computed(steps_of(fitted), x) == pytest.approx(asked(fitted, x), abs=1e-8, rel=1e-8)


@pytest.mark.parametrize("model", [LinearSVC(), RidgeClassifier(), SGDClassifier(random_state=0)])
@pytest.mark.parametrize("data", [IRIS, CANCER], ids=["three classes", "two classes"])
def test_labels_without_probabilities_are_those_of_the_greatest_score(model, data):
    x, y = data
    fitted = model.fit(x, y)
    scores = computed(steps_of(fitted), x)
    labels = scores.argmax(axis=1) if scores.shape[1] > 1 else (scores[:, 0] > 0.5).astype(int)

    assert np.array_equal(fitted.classes_[labels], fitted.predict(x))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 999), scalers=st.lists(st.sampled_from([StandardScaler, MinMaxScaler, MaxAbsScaler]),
                                                  max_size=3))  # fmt: skip
def test_folding_leaves_one_step_a_layer_and_the_same_answers(seed, scalers):
    random = np.random.default_rng(seed)
    x = random.normal(size=(40, 3)) * random.uniform(0.1, 50, 3) + random.normal(size=3)
    model = make_pipeline(*(one() for one in scalers), PCA(2), LinearRegression()).fit(x, x @ [1.0, -2.0, 0.5])
    steps = steps_of(model)

    assert [step["op"] for step in steps] == ["dense"]
    assert computed(steps, x)[:, 0] == pytest.approx(model.predict(x), abs=1e-8)


@pytest.mark.parametrize(
    ("model", "data", "why"),
    [
        (make_pipeline(PolynomialFeatures(), LogisticRegression()), IRIS, "PolynomialFeatures is not a linear step"),
        (make_pipeline(MinMaxScaler(clip=True), LogisticRegression()), IRIS, "clips"),
        (GaussianNB(), IRIS, "GaussianNB is not linear"),
        (PoissonRegressor(), DIABETES, "link of PoissonRegressor"),
        (SGDClassifier(loss="modified_huber", random_state=0), IRIS, "probabilities of SGDClassifier"),
        (SGDClassifier(loss="modified_huber", random_state=0), CANCER, "SGDClassifier"),
        (SGDClassifier(loss="log_loss", random_state=0), IRIS, "probabilities of SGDClassifier"),
    ],
    ids=lambda found: "" if isinstance(found, tuple) else str(found)[:60],
)
def test_what_plain_arrays_can_not_compute_is_refused(model, data, why):
    with pytest.raises(ModelError, match=why):
        steps_of(model.fit(*data))


def test_a_scaler_behind_a_layer_with_an_activation_is_refused():
    layer = {"op": "dense", "weight": np.eye(2), "bias": np.zeros(2), "activation": "relu"}
    with pytest.raises(ModelError, match="scaler after a network layer"):
        folded([layer, {"op": "scale", "shift": np.zeros(2), "factor": np.ones(2)}])


def test_a_layer_with_an_activation_is_not_folded_into_the_next():
    random = np.random.default_rng(0)
    layers = [
        {"op": "dense", "weight": random.normal(size=(2, 2)), "bias": random.normal(size=2), "activation": activation}
        for activation in ("relu", "identity", "identity")
    ]
    x = random.normal(size=(20, 2))
    steps = folded([dict(layer) for layer in layers])

    assert len(steps) == 2
    assert computed(steps, x) == pytest.approx(computed(layers, x))


def test_a_network_whose_outputs_no_runtime_of_plain_arrays_knows_is_not_written(tmp_path):
    """A network for counts ends in an exponential."""
    x, y = DIABETES
    steps = steps_of(MLPRegressor(loss="poisson", hidden_layer_sizes=(4,), max_iter=20, random_state=0).fit(x, y))

    with pytest.raises(ModelError, match="activation"):
        write_linear(tmp_path, steps, {"task": "regression"})
