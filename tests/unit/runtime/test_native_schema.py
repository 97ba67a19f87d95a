"""pydantic and msgspec take the same requests and refuse the others with the same words."""

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from mlapi_runtime import problems, schema
from mlapi_runtime.adapters import fastapi
from mlapi_runtime.adapters.litestarstructs import struct
from mlapi_runtime.errors import BadInput
from mlapi_runtime.signature import DTYPES, Signature, Tensor

NAMES = ("x", "y[0]", "x.y", "a b", "`", "ä", "data", "model_config")
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.integers(-1, 256), FLOATS, st.text(max_size=3)
)
GOOD: dict[str, st.SearchStrategy[Any]] = {
    "b": st.booleans(),
    "i": st.integers(-128, 127),
    "u": st.integers(0, 255),
    "f": st.floats(-65504, 65504) | st.integers(-9, 9),
    "O": st.text(max_size=3),
}
ANY = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=1)
)


def values(tensor: Tensor, depth: int = 0) -> st.SearchStrategy[Any]:
    """What a tensor takes, but for one value or length in about ten."""
    if depth == len(tensor.shape):
        good = GOOD[tensor.dtype.kind]
    else:
        length = tensor.shape[depth]
        shortest, longest = (1, 2) if length == -1 else (length, length)
        good = st.lists(values(tensor, depth + 1), min_size=shortest, max_size=longest)
    return st.integers(0, 9).flatmap(lambda die: ANY if die == 0 else good)


@st.composite
def requests(draw: st.DrawFn) -> tuple[Signature, bytes]:
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True))
    shapes = st.lists(st.sampled_from((-1, 1, 2)), max_size=2).map(tuple)
    inputs = tuple(Tensor(name, draw(st.sampled_from(list(DTYPES))), draw(shapes)) for name in names)
    document = {tensor.name: draw(values(tensor)) for tensor in inputs}
    if draw(st.integers(0, 9)) == 0:
        document[draw(st.sampled_from(NAMES))] = draw(ANY)
    if draw(st.integers(0, 9)) == 0:
        document.pop(draw(st.sampled_from(names)), None)
    order = draw(st.permutations(list(document)))
    body = json.dumps({name: document[name] for name in order}).encode()
    return Signature(inputs, (Tensor("y", "FP32", (-1,)),)), body


def by_pydantic(signature: Signature, body: bytes) -> dict[str, Any]:
    fields = schema.requested(signature, Field)
    document = problems.decoded(body)
    try:
        return schema.values(fastapi._model("Request", fields).model_validate(document), fields)
    except ValidationError as error:
        places = [entry["loc"] for entry in error.errors()]
        raise problems.misfit(document, places, signature, str(error)) from error


def by_msgspec(signature: Signature, body: bytes) -> dict[str, Any]:
    fields = schema.requested(signature, msgspec.Meta)
    try:
        return schema.values(msgspec.json.decode(body, type=struct("Request", fields)), fields)
    except msgspec.ValidationError as error:
        place = problems.place_of(error, signature)
        raise problems.misfit(problems.decoded(body), [place], signature, str(error)) from error


@given(requests())
def test_request_is_taken_by_both_or_refused_by_both_in_the_same_words(case: tuple[Signature, bytes]) -> None:
    signature, body = case
    verdicts: list[Any] = []
    for taken in (by_pydantic, by_msgspec):
        try:
            verdicts.append(taken(signature, body))
        except BadInput as error:
            verdicts.append((error.field, error.found, error.wanted))
    assert verdicts[0] == verdicts[1]
    if isinstance(verdicts[0], dict):
        try:
            arrays = signature.arrays(verdicts[0])
        except BadInput as error:
            # What no schema says: rows are of equal length where any is taken, and UINT64 ends.
            tensor = next(tensor for tensor in signature.inputs if error.field == tensor.name)
            assert -1 in tensor.shape[1:] or tensor.datatype == "UINT64"
        else:
            assert all(arrays[tensor.name].dtype == tensor.dtype for tensor in signature.inputs)
