"""Frozen, slotted records for the measuring path, without the cost of importing `dataclasses`.

`import dataclasses` takes 8 to 20 ms here (it pulls in inspect, re and enum) and each class 1 to 8 ms more, against a
budget of 20 ms for all that a measured process imports. So the few records of that path take their fields from their
annotations by this metaclass; type checkers see them as frozen, keyword-only dataclasses. Every other record is one.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, TypeVar, dataclass_transform

    RecordType = TypeVar("RecordType", bound="Frozen")
else:

    def dataclass_transform(**_options: object):
        return lambda decorated: decorated


@dataclass_transform(frozen_default=True, kw_only_default=True)
class _FrozenType(type):
    _fields: tuple[str, ...]
    _known: frozenset[str]
    _defaults: dict[str, Any]

    def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> _FrozenType:
        own = tuple(namespace.get("__annotations__", ()))
        fields: tuple[str, ...] = ()
        defaults: dict[str, Any] = {}
        for parent in bases:
            if isinstance(parent, _FrozenType):
                fields, defaults = fields + parent._fields, {**defaults, **parent._defaults}
        defaults.update({field: namespace.pop(field) for field in own if field in namespace})
        namespace["_defaults"] = defaults
        namespace["_fields"] = namespace["__match_args__"] = fields + own
        namespace["_known"] = frozenset(fields + own)
        namespace["__slots__"] = own
        return super().__new__(cls, name, bases, namespace)


class Frozen(metaclass=_FrozenType):
    """Base of a frozen record: keyword-only, equal by value. A default must be immutable."""

    if TYPE_CHECKING:
        _fields: ClassVar[tuple[str, ...]]
        _known: ClassVar[frozenset[str]]
        _defaults: ClassVar[dict[str, Any]]

    def __init__(self, **values: Any) -> None:
        if len(values) != len(self._fields):
            values = {**self._defaults, **values}
        if values.keys() != self._known:
            unknown, missing = sorted(values.keys() - self._known), sorted(self._known - values.keys())
            wrong = f"has no {', '.join(unknown)}" if unknown else f"needs {', '.join(missing)}"
            raise TypeError(f"{type(self).__name__} {wrong}")
        for field, value in values.items():
            object.__setattr__(self, field, value)
        self.__post_init__()

    def __post_init__(self) -> None:
        """Check the values; subclasses raise OutOfRange."""

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: make a new one with replaced()")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Frozen) and type(other) is type(self) and as_dict(self) == as_dict(other)

    def __hash__(self) -> int:
        # Equal records have equal texts; other values may be equal across types (1, 1.0), or have no hash at all.
        return hash((type(self), *(value for value in as_dict(self).values() if isinstance(value, str))))

    def __repr__(self) -> str:
        parts = ", ".join(f"{field}={value!r}" for field, value in as_dict(self).items())
        return f"{type(self).__name__}({parts})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), as_dict(self))


def as_dict(record: Frozen) -> dict[str, Any]:
    """Field name to value, in the order of the declaration; values are not copied."""
    return {field: getattr(record, field) for field in record._fields}


def replaced(record: RecordType, **changes: Any) -> RecordType:
    """A copy with some fields changed."""
    return type(record)(**{**as_dict(record), **changes})


def _rebuild(kind: type[Frozen], values: dict[str, Any]) -> Frozen:
    return kind(**values)
