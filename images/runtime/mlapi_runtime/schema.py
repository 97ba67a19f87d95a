"""Fields of the native requests and answers, made from the model's signature once for every framework."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

import numpy as np

from mlapi_runtime.signature import Signature, Tensor

Constrain = Callable[..., Any]
INT64: Final = np.iinfo(np.int64)


@dataclass(frozen=True, slots=True)
class Field:
    """A tensor as a field of a pydantic model or a msgspec struct.

    `attribute`: its name in Python, as names of tensors need not be any there. `name`: in JSON.
    `annotation`: nested lists as deep as the shape, with description, lengths and ranges.
    """

    attribute: str
    name: str
    annotation: Any


def requested(signature: Signature, constrain: Constrain, *lists: Any) -> tuple[Field, ...]:
    """Fields of a request, one per input; none of an untyped signature, which takes any object.

    Args:
        constrain: `pydantic.Field` or `msgspec.Meta`.
        lists: what else annotates every list.
    """
    return tuple(
        Field(f"tensor_{i}", tensor.name, _annotation(tensor, _taken(tensor, constrain), 1, constrain, lists))
        for i, tensor in enumerate(signature.inputs)
    )


def answered(signature: Signature, constrain: Constrain) -> tuple[Field, ...]:
    """Fields of an answer, one per output. They describe: an answer is not checked against them."""
    return tuple(
        Field(f"tensor_{i}", tensor.name, _annotation(tensor, _given(tensor), 0, constrain, ()))
        for i, tensor in enumerate(signature.outputs)
    )


def values(request: object, fields: Sequence[Field]) -> dict[str, Any]:
    """Values of a request's inputs by the names that the model has for them."""
    return {field.name: getattr(request, field.attribute) for field in fields}


def described(tensor: Tensor) -> str:
    return f"{tensor.datatype}, shape {list(tensor.shape)}"


def _annotation(
    tensor: Tensor, element: Any, shortest: int, constrain: Constrain, lists: Sequence[Any]
) -> Any:
    """`shortest`: what a free dimension has at least."""
    annotation: Any = element
    for length in reversed(tensor.shape):
        free = {"min_length": shortest} if shortest else {}
        bounds = free if length == -1 else {"min_length": length, "max_length": length}
        annotation = list[annotation]
        for note in (*lists, constrain(**bounds)) if bounds else lists:
            annotation = Annotated[annotation, note]
    return Annotated[annotation, constrain(description=described(tensor))]


def _taken(tensor: Tensor, constrain: Constrain) -> Any:
    match tensor.dtype.kind:
        case "f":
            limit = float(np.finfo(tensor.dtype).max)
            return Annotated[float, constrain(ge=-limit, le=limit)]
        case "i" | "u":
            limits = np.iinfo(tensor.dtype)
            bounds = {"ge": int(limits.min)}
            if limits.max <= INT64.max:  # msgspec knows no greater one; the conversion to UINT64 checks it
                bounds["le"] = int(limits.max)
            return Annotated[int, constrain(**bounds)]
        case kind:
            return bool if kind == "b" else str


def _given(tensor: Tensor) -> Any:
    """JSON has no number for what is infinite or none: it is null there."""
    return {"b": bool, "i": int, "u": int, "f": float | None, "O": str}[tensor.dtype.kind]
