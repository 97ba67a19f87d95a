"""Whether two servers give the same answer: only then is it the same work that is compared."""

import json
import math
import struct
from collections.abc import Mapping
from typing import Any, Final

from mlapi_operator.cli.bench.payload import CODES, JSON_LENGTH

TOLERANCE: Final = 1e-5  # of FP32 sums in another order

Outputs = Mapping[str, list[Any]]


def outputs(route: str, headers: Mapping[str, str], body: bytes) -> Outputs:
    """Values by output, flat.

    Args:
        route: as of `payload.payloads`.
        headers: with names in lower case.
    Raises:
        ValueError, KeyError: it is no such answer.
    """
    if route == "native":
        return {name: _flat(value) for name, value in json.loads(body).items()}
    if route == "json":
        return {each["name"]: _flat(each["data"]) for each in json.loads(body)["outputs"]}
    start = int(headers[JSON_LENGTH.lower()])
    found = {}
    for each in json.loads(body[:start])["outputs"]:
        code = CODES[each["datatype"]]
        end = start + each["parameters"]["binary_data_size"]
        found[each["name"]] = [value for (value,) in struct.iter_unpack(f"<{code}", body[start:end])]
        start = end
    return found


def differ(found: Outputs, wanted: Outputs) -> str | None:
    """The first difference in words."""
    if found.keys() != wanted.keys():
        return f"outputs {', '.join(found)}, wanted {', '.join(wanted)}"
    for name, expected in wanted.items():
        if len(found[name]) != len(expected):
            return f"{name}: {len(found[name])} values, wanted {len(expected)}"
        for value, right in zip(found[name], expected, strict=True):
            if not _equal(value, right):
                return f"{name}: {value!r}, wanted {right!r}"
    return None


def _equal(value: Any, right: Any) -> bool:
    if isinstance(value, float) or isinstance(right, float):
        return math.isclose(value, right, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return bool(value == right)


def _flat(value: Any) -> list[Any]:
    return [item for part in value for item in _flat(part)] if isinstance(value, list) else [value]
