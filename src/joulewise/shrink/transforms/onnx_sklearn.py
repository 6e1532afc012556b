"""scikit-learn estimators and pipelines to ONNX, by skl2onnx; boosters inside pipelines by onnxmltools."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from joulewise.core.errors import ModelError
from joulewise.core.runtimes import Artifact
from joulewise.shrink.transforms.loading import family, feature_count, last_step, tree_booster, unwrapped
from joulewise.shrink.transforms.onnx_thresholds import exact_thresholds

OPSET, ML_OPSET = 17, 3


def convert_estimator(estimator: Any, artifact: Artifact, precision: str) -> Any:
    """An ONNX model with outputs label and probabilities, or values. `precision` is float32 or float64."""
    from skl2onnx import convert_sklearn

    _register_boosters()
    estimator = by_position(estimator, artifact)
    predictor = last_step(estimator)
    _refuse(predictor)
    model = convert_sklearn(
        estimator,
        initial_types=input_types(estimator, artifact, precision),
        options=_options(estimator),
        target_opset={"": OPSET, "ai.onnx.ml": ML_OPSET},
        custom_conversion_functions=_histogram_converters(),
    )
    exact_thresholds(model, predictor, precision)
    return model


def by_position(estimator: Any, artifact: Artifact) -> Any:
    """Columns that are chosen by name, chosen by place instead: skl2onnx finds names only where each is an input."""
    whole = unwrapped(estimator)
    columns = [str(name) for name in artifact.facts.get("columns", ())]
    first = whole.steps[0][1] if hasattr(whole, "steps") else whole
    if len(artifact.facts.get("inputs", ())) != 1 or not columns or not hasattr(first, "transformers_"):
        return whole
    changed = deepcopy(whole)
    first = changed.steps[0][1] if hasattr(changed, "steps") else changed
    first.transformers_ = [(name, part, _places(chosen, columns)) for name, part, chosen in first.transformers_]
    return changed


def _places(chosen: Any, columns: list[str]) -> Any:
    listed = [chosen] if isinstance(chosen, str) else chosen
    if isinstance(listed, slice) or not all(isinstance(name, str) for name in listed):
        return chosen
    return [columns.index(name) for name in listed]


def input_types(estimator: Any, artifact: Artifact, precision: str) -> list[tuple[str, Any]]:
    """One matrix where the model takes one, else one column of text or numbers each."""
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, StringTensorType

    number = DoubleTensorType if precision == "float64" else FloatTensorType
    inputs = artifact.facts.get("inputs") or [{"name": "x", "dtype": "float64", "shape": ["batch", None]}]
    if len(inputs) > 1:
        return [(entry["name"], _kind(entry, number, StringTensorType)([None, 1])) for entry in inputs]
    count = feature_count(artifact, estimator)
    return [(inputs[0]["name"], _kind(inputs[0], number, StringTensorType)([None, count]))]


def _kind(entry: dict[str, Any], number: Any, text: Any) -> Any:
    return text if entry["dtype"].startswith(("object", "str", "<U")) else number


def _options(estimator: Any) -> dict[int, dict[str, Any]]:
    """No dictionaries of scores; a LightGBM or XGBoost classifier says so too."""
    predictor = last_step(estimator)
    if type(predictor).__name__ == "LinearSVC":  # its converter knows no zipmap, and is given one where nothing is said
        return {id(predictor): {"raw_scores": True}}
    if not hasattr(predictor, "predict_proba") and (
        not hasattr(predictor, "decision_function") or hasattr(predictor, "score_samples")
    ):
        return {}
    return {id(estimator): {"zipmap": False}, id(predictor): {"zipmap": False}}


def _refuse(predictor: Any) -> None:
    if getattr(predictor, "is_categorical_", None) is not None:
        raise ModelError(
            "skl2onnx does not know the categorical splits of histogram gradient boosting",
            hint="encode the categories before the model, or keep the library's own runtime",
        )
    if family(predictor) == "xgboost" and hasattr(predictor, "get_booster"):
        tree_booster(predictor.get_booster())
    if family(predictor) == "catboost":
        raise ModelError("a CatBoost model inside a pipeline can't be converted", hint="save the CatBoost model alone")


def _histogram_converters() -> dict[Any, Callable[..., None]]:
    """skl2onnx's own converters of histogram boosting, with attributes as plain numbers: onnx takes no NumPy bools."""
    from skl2onnx.operator_converters.random_forest import (
        convert_sklearn_random_forest_classifier,
        convert_sklearn_random_forest_regressor_converter,
    )
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    def plain(convert: Callable[..., None]) -> Callable[..., None]:
        return lambda scope, operator, container: convert(scope, operator, _PlainNumbers(container))

    return {
        HistGradientBoostingClassifier: plain(convert_sklearn_random_forest_classifier),
        HistGradientBoostingRegressor: plain(convert_sklearn_random_forest_regressor_converter),
    }


class _PlainNumbers:
    """A skl2onnx container that turns NumPy's numbers and booleans in attributes into Python's."""

    def __init__(self, container: Any) -> None:
        self._container = container

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)

    def add_node(self, op_type: str, inputs: Any, outputs: Any, **attributes: Any) -> Any:
        cleaned = {name: _plain(value) for name, value in attributes.items()}
        return self._container.add_node(op_type, inputs, outputs, **cleaned)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [item if isinstance(item, str | bytes | float) else int(item) for item in value]
    return value


def _register_boosters() -> None:
    """Teach skl2onnx the scikit-learn faces of XGBoost and LightGBM, where they are installed."""
    from importlib.util import find_spec

    if find_spec("onnxmltools") is None:
        return
    if find_spec("xgboost"):
        _register_xgboost()
    if find_spec("lightgbm"):
        _register_lightgbm()


def _register_xgboost() -> None:
    from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost
    from skl2onnx import update_registered_converter
    from skl2onnx.common.shape_calculator import (
        calculate_linear_classifier_output_shapes,
        calculate_linear_regressor_output_shapes,
    )
    from xgboost import XGBClassifier, XGBRegressor

    options = {"nocl": [True, False], "zipmap": [True, False, "columns"]}
    update_registered_converter(
        XGBClassifier, "XgbClassifier", calculate_linear_classifier_output_shapes, convert_xgboost, options=options
    )
    update_registered_converter(XGBRegressor, "XgbRegressor", calculate_linear_regressor_output_shapes, convert_xgboost)


def _register_lightgbm() -> None:
    from lightgbm import LGBMClassifier, LGBMRegressor
    from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm
    from skl2onnx import update_registered_converter
    from skl2onnx.common.shape_calculator import (
        calculate_linear_classifier_output_shapes,
        calculate_linear_regressor_output_shapes,
    )

    options = {"nocl": [True, False], "zipmap": [True, False, "columns"]}
    update_registered_converter(
        LGBMClassifier, "LgbmClassifier", calculate_linear_classifier_output_shapes, convert_lightgbm, options=options
    )
    update_registered_converter(
        LGBMRegressor,
        "LgbmRegressor",
        calculate_linear_regressor_output_shapes,
        convert_lightgbm,
        options={"split": None},
    )
