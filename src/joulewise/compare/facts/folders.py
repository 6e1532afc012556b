"""Models that are folders: Hugging Face, SavedModel and Keras, our own linear format; and OpenVINO's pair of files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from numpy import dtype as numpy_dtype

from joulewise.compare.facts import BATCH, answers, entry
from joulewise.compare.trust import refuse_untrusted
from joulewise.core.errors import ModelError, PluginMissing, UntrustedModel

_NO_TOKEN_TYPES = ("roberta", "distilbert", "xlm-roberta", "mpnet", "camembert", "bart", "gpt2", "llama", "t5")
_GENERATIVE = ("ForCausalLM", "ForConditionalGeneration", "LMHeadModel")


def describe_hugging_face(path: Path, form: str, trust: bool) -> dict[str, Any]:
    """Facts of a transformers or sentence-transformers folder, from its JSON files alone."""
    del form
    config = _json(path / "config.json")
    if config.get("auto_map") and not trust:
        raise UntrustedModel(
            f"{path} brings its own Python code", hint="--trust (in Python: trust=True) if you read it"
        )
    heads = " ".join(config.get("architectures") or [])
    if any(kind in heads for kind in _GENERATIVE):
        raise ModelError(
            f"{path} generates text ({heads}), which has no answer a row", hint="bench it by tokens, behind a server"
        )
    names = ["input_ids", "attention_mask"]
    if config.get("type_vocab_size", 0) > 1 and config.get("model_type") not in _NO_TOKEN_TYPES:
        names.append("token_type_ids")
    facts: dict[str, Any] = {
        "inputs": [entry(name, "int64", (BATCH, "length")) for name in names[:2]],
        "optional_inputs": names[2:],
        "trusted": trust,
        "max_length": _max_length(path, config),
    }
    if "ForSequenceClassification" in heads:
        return facts | _hugging_face_classes(config)
    width = config.get("hidden_size") or config.get("dim") or "width"
    pooling = _pooling(path)
    return facts | {
        "task": "embedding",
        "outputs": [entry("vectors", "float32", (BATCH, width))],
        "roles": {"vectors": "vectors"},
        **pooling,
    }


def _hugging_face_classes(config: dict[str, Any]) -> dict[str, Any]:
    labels = config.get("id2label") or {}
    classes = [labels[key] for key in sorted(labels, key=int)]
    count = len(classes) or int(config.get("num_labels", 2))
    if config.get("problem_type") == "regression" or count == 1:
        values = entry("values", "float32", (BATCH, count))
        return {"task": "regression", "outputs": [values], "roles": {"values": "values"}, "head": "sequence"}
    if not classes or all(name == f"LABEL_{at}" for at, name in enumerate(classes)):
        classes = list(range(count))  # names that say nothing: the targets are the numbers
    scores = entry("scores", "float32", (BATCH, count))
    roles = {"scores": "scores"}
    return {"task": "classification", "classes": classes, "outputs": [scores], "roles": roles, "head": "sequence"}


def _pooling(path: Path) -> dict[str, Any]:
    """From modules.json of sentence-transformers; without one, the mean over tokens, said to be assumed."""
    if not (path / "modules.json").exists():
        return {"pooling": "mean", "normalise": False, "pooling_assumed": True}
    modules = json.loads((path / "modules.json").read_text(encoding="utf-8"))
    kinds = {each["type"].rsplit(".", 1)[-1]: each.get("path", "") for each in modules}
    strange = sorted(set(kinds) - {"Transformer", "Pooling", "Normalize"})
    if strange:
        raise ModelError(f"{path} has modules that we don't run: {', '.join(strange)}", hint="export it to ONNX")
    settings = _json(path / kinds["Pooling"] / "config.json") if "Pooling" in kinds else {}
    mode = str(settings.get("pooling_mode") or "")
    for name in ("cls_token", "max_tokens", "mean_tokens"):
        if settings.get(f"pooling_mode_{name}"):
            mode = name.split("_")[0]
    mode = mode or "mean"
    if mode not in ("mean", "cls", "max"):
        raise ModelError(f"{path} pools by {mode!r}, which we don't do", hint="export it to ONNX")
    return {"pooling": mode, "normalise": "Normalize" in kinds}


def _max_length(path: Path, config: dict[str, Any]) -> int:
    sentence = path / "sentence_bert_config.json"
    told = _json(sentence).get("max_seq_length") if sentence.exists() else None
    return int(told or config.get("max_position_embeddings") or 512)


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} can't be read: {error}", hint="download the whole folder again") from error
    if not isinstance(found, dict):
        raise ModelError(f"{path} is no JSON object", hint="download the whole folder again")
    return found


def describe_linear(path: Path, form: str, trust: bool) -> dict[str, Any]:
    """Facts of our linear format: they stand in its JSON."""
    del form, trust
    return dict(_json(path / "linear.json")["facts"])


def describe_compiled(path: Path, form: str, trust: bool) -> dict[str, Any]:
    """Facts of compiled trees, from their JSON; loading them runs machine code."""
    from joulewise.compare.compiled_trees import read_about

    del form
    refuse_untrusted(path, "a compiled library", trust)
    return {**read_about(path)["facts"], "trusted": True}


def describe_openvino(path: Path, form: str, trust: bool) -> dict[str, Any]:
    """Facts of an OpenVINO .xml with its .bin."""
    from joulewise.compare.facts.programs import guess_task

    del form, trust
    model = load_openvino(path)
    inputs = [openvino_entry(port, at) for at, port in enumerate(model.inputs)]
    outputs = [openvino_entry(port, at) for at, port in enumerate(model.outputs)]
    return {"inputs": inputs, "outputs": outputs, **guess_task(inputs, outputs)}


def load_openvino(path: Path) -> Any:
    """An openvino.Model. Raises ModelError with OpenVINO's own words."""
    try:
        import openvino
    except ImportError as error:
        raise PluginMissing(f"{path} needs OpenVINO", hint="pip install 'joulewise[openvino]'") from error
    try:
        return openvino.Core().read_model(str(path))
    except RuntimeError as error:
        reason = " ".join(str(error).split())[-300:]
        raise ModelError(
            f"OpenVINO can't read {path}: {reason}", hint="use --runtime onnxruntime, or convert it anew"
        ) from error


def openvino_entry(port: Any, at: int) -> dict[str, Any]:
    """A port as facts keep it; ports without a name get their place."""
    names = sorted(port.get_names())
    shape: list[int | str] = []
    for axis, size in enumerate(port.get_partial_shape()):
        shape.append(int(size.get_length()) if size.is_static else (BATCH if axis == 0 else f"free_{axis}"))
    kind = port.get_element_type()
    dtype = "object" if kind.get_type_name() == "string" else str(numpy_dtype(kind.to_dtype()))
    return entry(names[0] if names else f"port_{at}", dtype, shape)


def describe_keras(path: Path, form: str, trust: bool) -> dict[str, Any]:
    """Facts of a SavedModel or Keras file, loaded by TensorFlow or Keras; Lambda layers are code and want trust."""
    from joulewise.compare.facts.keras_models import describe

    return describe(path, form, trust)


def answers_of(task: str, **more: Any) -> dict[str, Any]:
    """The outputs of our own formats, for those who write them."""
    return dict(answers(task, **more))
