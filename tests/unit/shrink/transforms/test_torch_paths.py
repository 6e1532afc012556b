"""Torch modules behind artifacts: encoders with their pooling, classifiers, students, tracing where export gives up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("onnxscript")

from joulewise.compare import artifact_of  # noqa: E402
from joulewise.core.errors import ModelError, UntrustedModel  # noqa: E402
from joulewise.core.runtimes import Artifact, Materials  # noqa: E402
from joulewise.shrink.transforms.fine_tuning import first  # noqa: E402
from joulewise.shrink.transforms.onnx_torch import convert_module  # noqa: E402
from joulewise.shrink.transforms.prune import Prune, pruned  # noqa: E402
from joulewise.shrink.transforms.torch_modules import free_axes, module_of, pool  # noqa: E402
from joulewise.shrink.transforms.torch_students import first_width, plain_student, taught_module  # noqa: E402
from joulewise.shrink.transforms.torchao import TorchAo  # noqa: E402
from joulewise.shrink.workplace import content_of  # noqa: E402
from joulewise.testing.text_models import hf_classifier, hf_encoder  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


# Encoders


@pytest.mark.parametrize("maker", [hf_encoder, hf_classifier])
def test_the_module_of_a_folder_answers_as_the_library_does(tmp_path, maker):
    known = maker(tmp_path)
    module = module_of(artifact_of(known.text, trust=known.trust))
    with torch.no_grad():
        found = module(*(torch.from_numpy(known.feeds[name]) for name in ("input_ids", "attention_mask"))).numpy()
    [answer] = [array for array in known.answers.values() if np.shape(array) == found.shape]

    assert found == pytest.approx(answer, abs=1e-5)


HIDDEN = torch.tensor([[[1.0, 8.0], [3.0, -2.0], [100.0, 100.0]], [[5.0, 6.0], [7.0, 8.0], [9.0, 1.0]]])
MASK = torch.tensor([[1, 1, 0], [1, 1, 1]])


@pytest.mark.parametrize(
    ("pooling", "vectors"),
    [
        ("mean", [[2.0, 3.0], [7.0, 5.0]]),
        ("max", [[3.0, 8.0], [9.0, 8.0]]),
        ("cls", [[1.0, 8.0], [5.0, 6.0]]),
    ],
)
def test_padding_is_in_no_vector(pooling, vectors):
    assert pool(HIDDEN, MASK, pooling).tolist() == vectors


def test_a_text_without_tokens_has_a_vector_of_zeros_and_not_nan():
    assert pool(HIDDEN, torch.zeros_like(MASK), "mean").tolist() == [[0.0, 0.0]] * 2


def test_a_model_without_a_module_is_refused():
    with pytest.raises(ModelError, match="onnx holds no torch module"):
        module_of(Artifact(path=Path("model.onnx"), format="onnx"))


def test_the_batch_is_free_and_so_is_what_has_a_name():
    from joulewise.core.runtimes import Tensor

    inputs = [Tensor(name="ids", dtype="int64", shape=(1, "length")), Tensor(name="x", dtype="float32", shape=("n", 3))]

    assert free_axes(inputs) == [{0: "batch", 1: "length"}, {0: "batch"}]


# Modules built by code

FACTORY = """
import torch
from torch import nn

class Two(nn.Module):
    def forward(self, a, b):
        return a + b

class Branching(nn.Module):
    "What it does hangs on its data: torch.export gives up, tracing follows the example."
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(6, 3)
    def forward(self, x):
        if x.sum() > 1e9:
            return self.layer(-x)
        return self.layer(x)

def made(module, rows, name="input"):
    torch.manual_seed(0)
    example = rows if isinstance(rows, dict) else {name: rows}
    return {"model": module.eval(), "example": example, "task": "regression"}

def rows_of_six():
    return torch.arange(12.0).reshape(2, 6) / 12

def plain():
    return made(nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3)), rows_of_six())

def lone():
    return made(nn.Linear(6, 3), rows_of_six())

def branching():
    return made(Branching(), rows_of_six(), "x")

def without_layers():
    return made(nn.Softmax(dim=1), rows_of_six())

def images(width=8):
    layers = nn.Conv2d(1, width, 3, 1, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 3)
    return made(nn.Sequential(*layers), torch.zeros(2, 1, 8, 8))

def sounds():
    layers = nn.Conv1d(1, 8, 3), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(8, 3)
    return made(nn.Sequential(*layers), torch.zeros(2, 1, 20))

def two():
    return made(Two(), {"a": torch.zeros(2, 3), "b": torch.zeros(2, 3)})
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("modules")
    (folder / "built_modules.py").write_text(FACTORY)
    random = np.random.default_rng(0)
    np.savez(folder / "rows.npz", x=random.normal(size=(60, 6)).astype(np.float32))
    np.savez(folder / "images.npz", x=random.normal(size=(60, 1, 8, 8)).astype(np.float32))
    return folder


def built(shop: Path, name: str) -> Artifact:
    return artifact_of(f"{shop}/built_modules.py:{name}", trust=True)


def materials(shop: Path, rows: str = "rows", **more) -> Materials:
    return Materials(calibration=shop / f"{rows}.npz", training=shop / f"{rows}.npz", **more)


def test_what_torch_export_gives_up_on_is_traced(shop, tmp_path):
    import onnxruntime

    artifact = built(shop, "branching")
    model = convert_module(artifact, materials(shop))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    x = np.random.default_rng(1).normal(size=(7, 6)).astype(np.float32)
    with torch.no_grad():
        expected = module_of(artifact)(torch.from_numpy(x)).numpy()

    assert [one.name for one in session.get_inputs()] == ["x"]
    assert session.run(None, {"x": x})[0] == pytest.approx(expected, abs=1e-5), "of another batch than the example's"


def test_a_module_whose_inputs_nobody_knows_is_not_converted(shop):
    artifact = built(shop, "plain")
    bare = Artifact(path=artifact.path, format=artifact.format, facts={**artifact.facts, "inputs": []})

    with pytest.raises(ModelError, match="inputs are not known") as caught:
        convert_module(bare, materials(shop))
    assert caught.value.hint


@pytest.mark.parametrize(("name", "width"), [("plain", 16), ("images", 8), ("sounds", 8)])
def test_the_width_of_a_module_is_its_first_layers(shop, name, width):
    assert first_width(module_of(built(shop, name))) == width


def test_a_module_without_layers_has_no_width_to_shrink(shop):
    with pytest.raises(ModelError, match="no layer whose width"):
        first_width(module_of(built(shop, "without_layers")))


def test_plain_students_take_what_the_teacher_takes_and_answer_as_many_numbers(shop):
    rows, images = (plain_student(built(shop, name), 0.5) for name in ("plain", "images"))

    assert rows(torch.zeros(5, 6)).shape == (5, 3)
    assert images(torch.zeros(5, 1, 8, 8)).shape == (5, 3)


@pytest.mark.parametrize(("name", "why"), [("sounds", "no plain student for inputs of shape"), ("two", "one input")])
def test_no_student_is_made_up_for_inputs_that_a_plain_one_does_not_suit(shop, name, why):
    with pytest.raises(ModelError, match=why):
        plain_student(built(shop, name), 0.5)


def test_a_smaller_share_makes_a_smaller_student(shop):
    sizes = [
        sum(each.numel() for each in plain_student(built(shop, "plain"), share).parameters()) for share in (0.25, 0.9)
    ]
    assert sizes[0] < sizes[1]


def test_a_student_comes_from_the_factory_where_it_takes_a_width(shop, tmp_path):
    tmp_path.mkdir(exist_ok=True)
    made = taught_module(
        built(shop, "images"), {"width": 0.5, "epochs": 1}, materials(shop, "images", time_limit_s=60.0), tmp_path
    )

    assert made.format == "torch-export"
    weights = {name: tuple(each.shape) for name, each in torch.export.load(made.path).state_dict.items()}
    assert (4, 1, 3, 3) in weights.values(), "half of eight channels"


@pytest.mark.parametrize("share", [0.0, 1.0, -0.5, 7.0])
def test_a_width_or_share_that_is_none_is_refused(shop, tmp_path, share):
    with pytest.raises(ModelError, match="between 0 and 1"):
        taught_module(built(shop, "plain"), {"width": share}, materials(shop), tmp_path)
    with pytest.raises(ModelError, match="between 0 and 1"):
        Prune().make(built(shop, "plain"), {"share": share}, materials(shop), tmp_path)


def test_a_module_of_one_layer_has_nothing_to_prune(shop):
    pytest.importorskip("torch_pruning")
    with pytest.raises(ModelError, match="no layer between input and output"):
        pruned(module_of(built(shop, "lone")), 0.5, (torch.zeros(2, 6),))


def test_pruning_wants_rows_to_mend_with(shop):
    pytest.importorskip("torch_pruning")
    assert "--training" in Prune().why_not(built(shop, "plain"), Materials(calibration=shop / "rows.npz"))


def test_a_module_without_linear_layers_is_no_case_for_torchao(shop, tmp_path):
    pytest.importorskip("torchao")
    with pytest.raises(ModelError, match="no linear layers"):
        TorchAo().apply(built(shop, "without_layers"), {"kind": "int8-weights"}, materials(shop), tmp_path)


def test_of_several_answers_the_first_counts():
    one, two = torch.zeros(2), torch.ones(2)

    assert first(one) is one
    assert first((one, two)) is one
    assert first({"scores": one, "more": two}) is one


# What a search takes over


def test_the_content_of_built_code_is_also_what_it_was_trained_to(tmp_path):
    """The same code with other weights beside it is another model."""
    (tmp_path / "weighing.py").write_text(
        "from pathlib import Path\nimport numpy as np, torch\n"
        "def net():\n"
        "    model = torch.nn.Linear(2, 1)\n"
        "    weights = np.load(Path(__file__).with_name('weights.npy'))\n"
        "    model.load_state_dict({'weight': torch.from_numpy(weights), 'bias': torch.zeros(1)})\n"
        "    return {'model': model, 'example': {'input': torch.zeros(2, 2)}, 'task': 'regression'}\n"
    )
    found = []
    for value in (1.0, 2.0, 1.0):
        np.save(tmp_path / "weights.npy", np.full((1, 2), value, np.float32))
        found.append(content_of(artifact_of(f"{tmp_path}/weighing.py:net", trust=True)))

    assert found[0] == found[2] != found[1]


def test_code_that_nobody_trusts_is_not_built(shop):
    with pytest.raises(UntrustedModel):
        artifact_of(f"{shop}/built_modules.py:plain")
