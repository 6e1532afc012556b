"""Models, datasets, variants and savings for tests: small, each with ids of its own, every value invented."""

from __future__ import annotations

from typing import Any

from joulewise.core.figures import MEASURED, MODELLED, Figure
from joulewise.core.variants import SATURATED, Comparison, Dataset, Model, Observation, Saving, Step, Variant
from joulewise.testing.ledgers import store_id


def around(value: float, unit: str, *, share: float = 0.1, method: str = MEASURED) -> Figure:
    """A figure with bounds of that share on both sides."""
    return Figure(
        value=value, low=value * (1 - share), high=value * (1 + share), unit=unit, method=method, source="test"
    )


def small_model(number: int = 1, **changes: Any) -> Model:
    """A model of a kilobyte."""
    values: dict[str, Any] = {
        "id": store_id(3_000 + number),
        "name": f"model-{number}.onnx",
        "format": "onnx",
        "sha256": f"{number:064x}",
        "size_bytes": 1_024,
        "parameters": 130,
        "flops": around(260.0, "FLOP", share=0.0),
        "flops_covered": 0.98,
        "signature": {"inputs": [{"name": "x", "dtype": "float32", "shape": ["n", 64]}], "outputs": []},
    }
    return Model(**{**values, **changes})


def small_dataset(number: int = 1, **changes: Any) -> Dataset:
    """A hundred rows of two columns."""
    values: dict[str, Any] = {
        "id": store_id(4_000 + number),
        "name": "digits.npz",
        "sha256": f"{number:064x}",
        "rows": 100,
        "columns": ("a", "b"),
        "target": "y",
    }
    return Dataset(**{**values, **changes})


def small_variant(run_id: str, number: int = 1, **changes: Any) -> Variant:
    """A variant that was measured at batch 1; the higher its number, the less it takes."""
    seen = (
        Observation(
            quantity="energy_j_per_inference",
            figure=around(1.0 / number, "J/inference", method=MODELLED),
            batch=1,
            threads=1,
            load=SATURATED,
            n=200,
        ),
        Observation(quantity="accuracy", figure=around(0.9, "1", share=0.02), n=100),
    )
    values: dict[str, Any] = {
        "id": store_id(5_000 + number),
        "run_id": run_id,
        "model_id": small_model().id,
        "dataset_id": small_dataset().id,
        "name": f"variant-{number}",
        "runtime": "onnxruntime",
        "runtime_version": "1.2.3",
        "steps": (Step(transform="to-onnx", version="1.0", options={"opset": 17}),),
        "options": {"threads": 1, "spinning": False},
        "observations": seen,
    }
    return Variant(**{**values, **changes})


def small_saving(run_id: str, number: int = 1, **changes: Any) -> Saving:
    """The second variant takes half of the first."""
    values: dict[str, Any] = {
        "id": store_id(6_000 + number),
        "run_id": run_id,
        "baseline_id": small_variant(run_id, 1).id,
        "new_id": small_variant(run_id, 2).id,
        "quantity": "energy_j_per_inference",
        "unit": "inference",
        "boundary": "device",
        "ratio": around(0.5, "1", share=0.05),
        "metric": "accuracy",
        "quality_change": Figure(value=-0.001, low=-0.004, high=0.002, unit="1", method=MEASURED, source="test"),
        "n": 1_000,
        "test": "mcnemar",
        "held": True,
        "floor": "accuracy>=-0.5pt",
        "p_value": 0.6,
    }
    return Saving(**{**values, **changes})


def small_comparison(run_id: str, **changes: Any) -> Comparison:
    """Two variants, one that failed, and the saving between the two."""
    failed = small_variant(run_id, 3, status="failed", reason="killed: over 64 MiB", observations=(), dataset_id=None)
    values: dict[str, Any] = {
        "models": (small_model(),),
        "datasets": (small_dataset(),),
        "variants": (small_variant(run_id, 1), small_variant(run_id, 2), failed),
        "savings": (small_saving(run_id),),
    }
    return Comparison(run_id=run_id, **{**values, **changes})
