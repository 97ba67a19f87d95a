"""The protocol's JSON objects, and what is said about JSON that is none of them."""

import re
from collections.abc import Sequence
from typing import Any, Final, Generic, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from mlapi_runtime.errors import BadInput

Data = TypeVar("Data")
Parameters = dict[str, Any]


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Input(_Strict, Generic[Data], frozen=True):
    name: str
    shape: list[int]
    datatype: str
    data: Data | UnsetType = UNSET
    parameters: Parameters | None = None


class Output(_Strict, frozen=True):
    name: str
    parameters: Parameters | None = None


class Request(_Strict, Generic[Data], frozen=True):
    """`Data`: what the data of an input is read as."""

    inputs: list[Input[Data]]
    id: str | None = None
    model_name: str | None = None
    model_version: str | None = None
    parameters: Parameters | None = None
    outputs: list[Output] | None = None


class Written(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tensor of an answer: with its `data` or, in `parameters`, their size."""

    name: str
    datatype: str
    shape: Sequence[int]
    parameters: Parameters | UnsetType = UNSET
    data: list[Any] | UnsetType = UNSET


class Response(msgspec.Struct, frozen=True):
    model_name: str
    model_version: str
    outputs: list[Written]
    id: str | UnsetType = UNSET


# What decoders raise; strings are checked for UTF-8 as they are read.
UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_EXPECTED: Final = re.compile(r"Expected `(.*)`, got `(.*)`")
_MISSING: Final = re.compile(r"Object missing required field `(.*)`")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_LONGEST: Final = 80


def shown(value: object) -> str:
    """A client's own words in an error: never so many that the error is as long as the request."""
    if isinstance(value, list) and len(value) > 10:
        return f"a list of {len(value)}"
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def malformed(error: Exception, root: str = "") -> BadInput:
    """What is wrong with JSON that could not be read.

    Args:
        error: one of `UNREADABLE`.
        root: path of what was read, empty for the body.
    """
    if isinstance(error, RecursionError):
        return BadInput.at(root or "body", "JSON that is nested too deeply", "an infer request")
    if isinstance(error, UnicodeDecodeError):
        return BadInput.at(root or "body", "a string that is no UTF-8", "JSON in UTF-8")
    text, _, place = str(error).partition(" - at `$")
    path = (root + place.rstrip("`")).removeprefix(".")
    if not isinstance(error, msgspec.ValidationError):
        return BadInput.at(path or "body", f"no JSON ({text})", "an infer request")
    if match := _EXPECTED.fullmatch(text):
        return BadInput.at(path or "body", match[2], match[1])
    if match := _MISSING.fullmatch(text):
        return BadInput.at(f"{path}.{match[1]}".lstrip("."), "nothing", "this field")
    if match := _UNKNOWN.fullmatch(text):
        known = Input if path.startswith("inputs") else Output if path.startswith("outputs") else Request
        wanted = ", ".join(known.__struct_fields__)
        return BadInput.at(f"{path}.{shown(match[1])}".lstrip("."), "an unknown field", f"one of {wanted}")
    # Numbers of a thousand digits and 1e999 alone are left.
    return BadInput.at(path or "body", text.lower(), "a number that 64 bits can hold")
