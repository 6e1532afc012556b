"""Every built-in runtime keeps the contract, over every format that it claims."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from joulewise.compare.opening import _BUILT_IN, runtime_of
from joulewise.core import plugins
from joulewise.core.errors import PluginMissing
from joulewise.testing.made import MadeModel
from joulewise.testing.models import MAKERS
from joulewise.testing.runtimes import RuntimeCase, RuntimeContract

CASES = {
    **{name: (name, "") for name in MAKERS},
    "linear": ("linear", "numpy"),
    "onnx-network-openvino": ("onnx-network", "openvino"),
    "onnx-external-openvino": ("onnx-external", "openvino"),
    "torch-export-compiled": ("torch-export", "torch-compile"),
    "torch-module-compiled": ("torch-module", "torch-compile"),
    "hf-encoder-compiled": ("hf-encoder", "torch-compile"),
    "treelite-compiled": ("treelite", "treelite"),
    "treelite-regressor-compiled": ("treelite-regressor", "treelite"),
    "xgboost-inplace": ("xgboost-classifier", "xgboost"),
}
MORE = {
    "treelite-compiled": {"engine": "compiled"},
    "treelite-regressor-compiled": {"engine": "compiled", "quantize": True},
    "xgboost-inplace": {"api": "inplace"},
}
_made: dict[str, MadeModel] = {}


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


def _make(name: str, folders: Path) -> MadeModel:
    package, maker = MAKERS[name]
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed here")
    if name not in _made:
        (folders / name).mkdir()
        _made[name] = maker(folders / name)
    return _made[name]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
class TestBuiltInRuntimes(RuntimeContract):
    @pytest.fixture(params=sorted(CASES))
    def case(self, request: pytest.FixtureRequest, folders: Path) -> RuntimeCase:
        maker, runtime = CASES[request.param]
        made = _make(maker, folders)
        name = runtime or made.runtimes[0]
        callers = int(name == "tensorflow")
        return RuntimeCase(runtime=name, made=made, callers=callers, more=MORE.get(request.param, {}))


def test_every_built_in_runtime_is_tried() -> None:
    tried = {runtime for _, runtime in CASES.values() if runtime}
    tried |= {"sklearn", "onnxruntime", "torch", "openvino", "xgboost", "lightgbm", "catboost", "hf", "tensorflow"}
    assert set(plugins.names("runtimes")) <= tried


@pytest.mark.parametrize("name", sorted(_BUILT_IN))
def test_the_list_of_formats_is_that_of_the_runtime(name: str) -> None:
    formats, package = _BUILT_IN[name]
    if find_spec(package) is None:
        with pytest.raises(PluginMissing, match=r"pip install 'joulewise\["):
            runtime_of(name)
    else:
        assert sorted(runtime_of(name).formats) == sorted(formats)
