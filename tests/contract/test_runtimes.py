"""Every built-in runtime keeps the contract, over every format that it claims."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from joulewise.compare.compiled_trees import compiler
from joulewise.compare.opening import _BUILT_IN, runtime_of
from joulewise.core import plugins
from joulewise.core.errors import PluginMissing
from joulewise.testing.kept_models import made_once
from joulewise.testing.models import MAKERS
from joulewise.testing.runtimes import RuntimeCase, RuntimeContract, assert_threads_kept

pytestmark = pytest.mark.filterwarnings(
    "ignore:invalid escape sequence:DeprecationWarning",  # torchao, when it is compiled for the first time
    "ignore:.torch[.]jit[.]:DeprecationWarning",  # PyTorch's own compiler still uses what PyTorch deprecates
)

CASES = {
    **{name: (name, "") for name in MAKERS},
    "linear": ("linear", "numpy"),
    "onnx-network-openvino": ("onnx-network", "openvino"),
    "onnx-external-openvino": ("onnx-external", "openvino"),
    "torch-export-compiled": ("torch-export", "torch-compile"),
    "torch-module-compiled": ("torch-module", "torch-compile"),
    "hf-encoder-compiled": ("hf-encoder", "torch-compile"),
    "xgboost-inplace": ("xgboost-classifier", "xgboost"),
}
MORE = {
    "xgboost-inplace": {"api": "inplace"},
}
MILLISECONDS = ("hf-", "sklearn-", "skops-", "torch-export-c", "torch-module-c")
"""Those of which a call takes that long are called 200 times in search of a leak, not a thousand."""
ABSENT = () if find_spec("tensorflow") else ("keras", "saved-model")
"""TensorFlow is too large, and lags too far behind NumPy, to be part of what the tests need: its cases are run where it
is installed."""
WATCHED = {
    "networks": ("onnx-network", "onnx-network-openvino", "linear"),
    "torch": ("torch-export", "torch-module-compiled", "hf-encoder"),
    "trees": ("lightgbm-classifier", "catboost-classifier", "xgboost-classifier", "treelite", "compiled-trees"),
    "scikit-learn": ("sklearn-classifier", "sklearn-regressor", "sklearn-strict"),
    "tensorflow": ("keras", "saved-model"),
}
"""Each runtime and kind of model whose threads are another library's, by those that may share a process."""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """Where models are kept: one folder for all workers of this run."""
    place = tmp_path_factory.getbasetemp()
    kept = (place.parent if hasattr(request.config, "workerinput") else place) / "kept-models"
    kept.mkdir(exist_ok=True)
    return kept


def case_of(name: str, folder: Path) -> RuntimeCase:
    maker, runtime = CASES[name]
    package, make = MAKERS[maker]
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed here")
    if package == "tl2cgen" and not compiler():
        pytest.skip("needs a C compiler")
    made = made_once(maker, make, folder)
    runtime = runtime or made.runtimes[0]
    calls = 200 if name.startswith(MILLISECONDS) else 1000
    return RuntimeCase(
        runtime=runtime, made=made, callers=int(runtime == "tensorflow"), calls=calls, more=MORE.get(name, {})
    )


@pytest.fixture(params=sorted(set(CASES) - set(ABSENT)), scope="module")
def case(request: pytest.FixtureRequest, folder: Path) -> RuntimeCase:
    """Of the module, so that pytest runs all tests of one case, and so of one library, in one go."""
    return case_of(request.param, folder)


class TestBuiltInRuntimes(RuntimeContract):
    @pytest.mark.parametrize("threads", [1, 2])
    @pytest.mark.parametrize("kind", sorted(kind for kind, names in WATCHED.items() if not set(names) & set(ABSENT)))
    def test_it_keeps_to_its_threads_and_rests_when_idle(self, kind: str, threads: int, folder: Path) -> None:
        """For several at once: a process each would load PyTorch dozens of times."""
        assert_threads_kept([case_of(name, folder) for name in WATCHED[kind]], threads)


def test_every_built_in_runtime_is_tried() -> None:
    tried = {runtime for _, runtime in CASES.values() if runtime}
    tried |= {
        "compiled-trees",
        "treelite",
        "sklearn",
        "onnxruntime",
        "torch",
        "openvino",
        "xgboost",
        "lightgbm",
        "catboost",
        "hf",
        "tensorflow",
    }
    assert set(plugins.names("runtimes")) <= tried


@pytest.mark.parametrize("name", sorted(_BUILT_IN))
def test_the_list_of_formats_is_that_of_the_runtime(name: str) -> None:
    formats, package = _BUILT_IN[name]
    if find_spec(package) is None:
        with pytest.raises(PluginMissing, match=r"pip install 'joulewise\["):
            runtime_of(name)
    else:
        assert sorted(runtime_of(name).formats) == sorted(formats)
