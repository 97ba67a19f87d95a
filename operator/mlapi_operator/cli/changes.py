"""What differs between two sets of fields, member by member. Pure."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from mlapi_operator.api.types import Manifest

ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class Change:
    """`before`, `after`: JSON; empty where the field is absent."""

    path: str
    before: str
    after: str


def changes(before: Manifest, after: Manifest) -> list[Change]:
    """In the order of the fields' names."""
    return list(_changes("", before, after))


def _changes(path: str, before: Any, after: Any) -> Iterator[Change]:
    if before == after:
        return
    ours, theirs = _members(before), _members(after)
    if ours is None or theirs is None or not (ours or theirs):
        yield Change(path, _text(before), _text(after))
        return
    for name in sorted({*ours, *theirs}):
        inner = f".{name}" if path and not name.startswith("[") else name
        yield from _changes(path + inner, ours.get(name, ABSENT), theirs.get(name, ABSENT))


def _members(value: Any) -> dict[str, Any] | None:
    """Of an object; of a list by name, as that of variables; None of anything else."""
    if value is ABSENT:
        return {}
    if isinstance(value, dict):
        return value
    if isinstance(value, list) and value and all(isinstance(each, dict) and "name" in each for each in value):
        return {
            f"[{each['name']}]": {name: inner for name, inner in each.items() if name != "name"}
            for each in value
        }
    return None


def _text(value: Any) -> str:
    return "" if value is ABSENT else json.dumps(value, ensure_ascii=False)
