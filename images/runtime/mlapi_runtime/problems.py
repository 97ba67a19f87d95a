"""What is wrong with a native request: the same words whichever library refused it.

The framework's library tells where a body does not fit; what is found and wanted there is said here.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec
import numpy as np

from mlapi_runtime import answers
from mlapi_runtime.answers import Answer, Culprit, Headers, Problem, problem_of
from mlapi_runtime.errors import BadInput, Malformed, ServingError
from mlapi_runtime.schema import described
from mlapi_runtime.signature import Signature, Tensor

Place = Sequence[Any]  # a name, then an index per dimension

MAX_CULPRITS: Final = 10
MAX_SHOWN: Final = 40  # characters of a value that an error repeats
RESPONSES: Final[Mapping[int, str]] = {
    400: "The body is no JSON.",
    413: "The body is larger than serving.maxRequestBytes.",
    415: "The Content-Type is not JSON.",
    422: "The input does not fit the model's signature; `errors` names the fields.",
    429: "Too many requests at once; try again after `Retry-After` seconds.",
    500: "The model failed on this input.",
    503: "The server is stopping.",
    504: "No answer within serving.requestTimeoutSeconds.",
}
UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_NAMED = re.compile(r"Object (?:missing required|contains unknown) field `(.*)`", re.DOTALL)
_PLACED = re.compile(r".* - at `\$\.?(.*)`", re.DOTALL)


class Misfit(BadInput):
    """The body is JSON that does not fit the signature; the first culprit is the error's own."""

    def __init__(self, culprits: Sequence[Culprit]) -> None:
        first = culprits[0]
        more = f" ({len(culprits) - 1} more)" if len(culprits) > 1 else ""
        super().__init__(
            f"{first.field}: found {first.found}, wanted {first.wanted}{more}",
            field=first.field,
            found=first.found,
            wanted=first.wanted,
        )
        self.culprits = tuple(culprits[:MAX_CULPRITS])


def problem(error: ServingError) -> Answer:
    """The answer of a native route to an error."""
    if isinstance(error, Misfit):
        return problem_of(HTTPStatus.UNPROCESSABLE_ENTITY, error.detail, error.culprits)
    return answers.problem(error)


def unrouted(method: str, path: str, status: int, detail: str, headers: Mapping[str, str] | None) -> Answer:
    """The answer to a path or method that has no route, as the framework says it."""
    extra: Headers = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    return problem_of(HTTPStatus(status), f"{method} {path}: {detail}", extra=extra)


def documented() -> dict[str, Any]:
    """JSON Schema of the body of every error, without references."""
    schema, components = msgspec.json.schema_components((Problem,), ref_template="{name}")
    problem: dict[str, Any] = components["Problem"]
    problem["properties"]["errors"]["items"] = components["Culprit"]
    assert schema == ({"$ref": "Problem"},)
    return problem


def decoded(body: bytes) -> Any:
    """The document that a body holds.

    Raises:
        Malformed: it is none; NaN and infinities are no numbers of JSON.
        BadInput: a number is beyond FP64.
    """
    if not body:
        raise Malformed("the body is empty, wanted a JSON object")
    try:
        return msgspec.json.decode(body)
    except UNREADABLE as error:
        raise unread(error) from error


def unread(error: Exception) -> ServingError:
    """Why a body cannot be read: for one of `UNREADABLE`."""
    if isinstance(error, RecursionError):
        return Malformed("the body is nested too deeply")
    if isinstance(error, msgspec.ValidationError):  # of an untyped document: "Number out of range"
        return BadInput.at("body", "a number beyond FP64", "numbers that FP64 holds")
    return Malformed(f"the body is no JSON: {error}")


def misfit(document: Any, places: Iterable[Place], signature: Signature, why: str) -> BadInput:
    """Says what does not fit.

    Args:
        document: the decoded body.
        places: where the framework's library found something wrong.
        why: in the library's words, for what nothing better can be said of.
    """
    if not isinstance(document, dict):
        return Misfit([Culprit("body", _shown(document), "an object")])
    tensors = {tensor.name: tensor for tensor in signature.inputs}
    culprits = [
        Culprit(name, _shown(value), f"only {', '.join(tensors)}")
        for name, value in document.items()
        if tensors and name not in tensors
    ]
    culprits += [
        Culprit(name, "nothing", described(tensor))
        for name, tensor in tensors.items()
        if name not in document
    ]
    order = {name: i for i, name in enumerate(document)}
    inside = [(name, *steps) for name, *steps in filter(None, places) if name in tensors and name in document]
    for name, *steps in sorted(inside, key=lambda place: order[place[0]]):
        culprits.append(_culprit(name, steps, document[name], tensors[name]))
    return Misfit(culprits) if culprits else BadInput(why)


def place_of(error: msgspec.ValidationError, signature: Signature) -> Place:
    """The place that a message of msgspec names."""
    if named := _NAMED.fullmatch(str(error)):
        return (named[1],)
    placed = _PLACED.fullmatch(str(error))
    if placed is None:
        return ()
    path = placed[1]
    names = [tensor.name for tensor in signature.inputs]
    name = max((name for name in names if f"{path}[".startswith(f"{name}[")), key=len, default=path)
    return (name, *map(int, re.findall(r"\[(\d+)\]", path[len(name) :])))


def _culprit(name: str, steps: Sequence[Any], value: Any, tensor: Tensor) -> Culprit:
    """The outermost fault on the way to a place: libraries differ in whether length or items come first."""
    depth = 0
    for step, length in zip(steps, tensor.shape, strict=False):
        if not isinstance(value, list) or not (len(value) == length or (length == -1 and value)):
            break
        value = value[step]
        depth += 1
    path = name + "".join(f"[{step}]" for step in steps[:depth])
    return Culprit(path, _shown(value), _wanted(tensor, depth))


def _wanted(tensor: Tensor, depth: int) -> str:
    if depth < len(tensor.shape):
        length = tensor.shape[depth]
        return f"a list of {'at least 1' if length == -1 else length}"
    match tensor.dtype.kind:
        case "f":
            return f"a number of {tensor.datatype}"
        case "i" | "u":
            limits = np.iinfo(tensor.dtype)
            return f"an integer from {limits.min} to {limits.max}"
        case kind:
            return "true or false" if kind == "b" else "a string"


def _shown(value: object) -> str:
    """A value in an error: what it is, never a whole tensor."""
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "an object"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 3]}..."
