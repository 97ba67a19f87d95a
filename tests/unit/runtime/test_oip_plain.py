"""The short way for small requests takes what is right as the long way does, and nothing else."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mlapi_runtime.errors import BadInput
from mlapi_runtime.oip import Codec
from mlapi_runtime.oip.plain import MAX_BYTES, Plain
from mlapi_runtime.signature import DTYPES, Signature, Tensor

pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")  # as the codec has it

NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False), st.booleans(), st.none()
)


def rightly(tensor: Tensor) -> dict[str, Any]:
    example = tensor.example()
    return {
        "name": tensor.name,
        "shape": list(example.shape),
        "datatype": tensor.datatype,
        "data": example.ravel().tolist(),
    }


@st.composite
def requests(draw: st.DrawFn) -> tuple[Signature, bytes]:
    """A request that is right, but for up to three fields."""
    names = draw(st.lists(st.sampled_from(["x", "y", "a:b"]), min_size=1, unique=True))
    datatype = st.sampled_from(sorted(DTYPES))
    kind = draw(datatype)
    tensors = tuple(
        Tensor(name, draw(st.sampled_from([kind, draw(datatype)])), (-1, draw(st.sampled_from([2, -1]))))
        for name in names
    )
    fields = [list(rightly(tensor).items()) for tensor in tensors]
    for _ in range(draw(st.integers(0, 3))):
        changed = draw(st.sampled_from(fields))
        field = draw(
            st.one_of(
                st.tuples(st.just("data"), st.lists(NUMBERS, max_size=4)),
                st.tuples(st.just("data"), st.lists(st.lists(NUMBERS, max_size=2), max_size=2)),
                st.tuples(st.just("shape"), st.lists(st.integers(-1, 3), max_size=3)),
                st.tuples(st.just("datatype"), datatype),
                st.tuples(st.just("name"), st.sampled_from(["x", "y", "a:b"])),
                st.tuples(st.sampled_from(["parameters", "other"]), st.just({})),
            )
        )
        if draw(st.booleans()):  # instead of the field of this name, else as a second one
            changed[:] = [each for each in changed if each[0] != field[0]]
        changed.append(field)
    inputs = ",".join(
        "{" + ",".join(f"{json.dumps(name)}:{json.dumps(value)}" for name, value in each) + "}"
        for each in fields
    )
    more = draw(st.sampled_from(["", ',"id":"1"', ',"id":null', ',"other":1', ',"inputs":[]']))
    return Signature(tensors, (Tensor("z", "FP32", (-1,)),)), f'{{"inputs":[{inputs}]{more}}}'.encode()


def outcome(signature: Signature, body: bytes) -> object:
    codec = Codec("m", "1", "none", signature)
    try:
        infer = codec.decode(body)
    except BadInput as error:
        return error.detail
    arrays = {name: (array.dtype, array.shape, array.tolist()) for name, array in infer.inputs.items()}
    return arrays, infer.outputs, infer.id, infer.timeout_seconds, infer.binary


@given(requests())
@example((Signature((Tensor("x", "FP32", (-1, 1)),), (Tensor("z", "FP32", (-1,)),)), b'{"inputs":[]}'))
def test_request_means_the_same_with_so_many_spaces_that_it_goes_the_long_way(
    request: tuple[Signature, bytes],
) -> None:
    signature, body = request
    assert outcome(signature, body) == outcome(signature, body + b" " * MAX_BYTES)


@pytest.mark.parametrize("datatype", sorted(DTYPES.keys() - {"BYTES"}))
def test_plain_request_goes_the_short_way_with_every_input(datatype: str) -> None:
    tensors = (Tensor("x", datatype, (-1, 2)), Tensor("y", datatype, (3,)))
    body = json.dumps({"inputs": [rightly(tensor) for tensor in tensors]}).encode()
    arrays = Plain(Signature(tensors, tensors)).read(body)
    assert arrays is not None
    for tensor in tensors:
        np.testing.assert_array_equal(arrays[tensor.name], tensor.example(), strict=True)


def test_untyped_model_has_no_plain_requests() -> None:
    assert Plain(Signature((), ())).read(b'{"inputs":[]}') is None
