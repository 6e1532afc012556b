from __future__ import annotations

import importlib.metadata

from joulewise.core.channels import Channel
from joulewise.core.protocols import Meter
from joulewise.core.version import VERSION


class StrangersMeter:
    """What an outsider writes: no import of ours but the channel."""

    channels: tuple[Channel, ...] = ()

    def read(self) -> tuple[int | None, ...]:
        return ()

    def close(self) -> None:
        """Nothing to let go of."""


def test_a_meter_is_known_by_its_shape():
    assert isinstance(StrangersMeter(), Meter)
    assert not isinstance(object(), Meter)


def test_the_version_is_that_of_the_distribution():
    assert importlib.metadata.version("joulewise") == VERSION
