"""Trees to C by tl2cgen, and to machine code by the C compiler of this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from joulewise.compare.compiled_trees import compiler, write_compiled
from joulewise.core.runtimes import Artifact, Materials
from joulewise.shrink.transforms.making import Recipe, Settings

TREES_A_SOURCE = 20
_SHARED = ("task", "classes", "columns", "inputs", "outputs", "roles")


class CompileTrees(Recipe):
    """Each tree becomes nested comparisons; with `quantize` of whole numbers, each feature looked up once a row."""

    name = "compile-trees"
    formats = ("treelite",)
    distribution = "tl2cgen"
    modules = ("treelite", "tl2cgen")
    extra = "trees"

    def unfit(self, artifact: Artifact, materials: Materials) -> str:
        return "" if compiler() else "compiling trees needs a C compiler: apt install gcc"

    def choices(self, artifact: Artifact, materials: Materials) -> Sequence[Settings]:
        return ({"quantize": True}, {"quantize": False})

    def make(self, artifact: Artifact, settings: Settings, materials: Materials, folder: Path) -> Artifact:
        import tl2cgen

        from joulewise.compare.facts.trees import load_treelite
        from joulewise.compare.parameters import parameters_of

        model, place = load_treelite(artifact.path), folder / "trees"
        told: dict[str, Any] = {"parallel_comp": 1 + model.num_tree // TREES_A_SOURCE}
        if settings.get("quantize"):
            told["quantize"] = 1
        tl2cgen.generate_c_code(model, dirpath=str(place), params=told)
        facts = {name: artifact.facts[name] for name in _SHARED if name in artifact.facts}
        shape = {**_shape(model, facts), "parameters": parameters_of(artifact)}
        write_compiled(place, shape, facts)
        return Artifact(path=place, format="compiled-trees", facts={**facts, "trusted": True}, steps=artifact.steps)


def _shape(model: Any, facts: Mapping[str, Any]) -> dict[str, Any]:
    header = model.get_header_accessor()
    outputs = int(header.get_field("num_target")[0]) * max(map(int, header.get_field("num_class")))
    binary = outputs == 1 and facts.get("task") == "classification"
    return {
        "width": int(model.num_feature),
        "columns": 2 if binary else outputs,
        "binary": binary,
        "rows": str(model.input_type),
        "answers": str(model.output_type),
    }
