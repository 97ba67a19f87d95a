"""Tensors of every datatype and shape pass unchanged, against the encoder and decoder of another house."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.testing import assert_array_equal

from mlapi_runtime.oip import Codec
from mlapi_runtime.signature import DTYPES, UNTYPED, Array, Signature, Tensor
from tests.support import oip

pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")  # as the codec has it


@dataclass
class Message:
    """Tensors that a model gives back as it gets them; `binary` and `asked` name those in binary form."""

    tensors: tuple[Tensor, ...]
    arrays: dict[str, Array]
    binary: set[str]
    asked: dict[str, bool] | None
    typed: bool

    @property
    def codec(self) -> Codec:
        signature = Signature(self.tensors, self.tensors) if self.typed else UNTYPED
        return Codec("echo", "1", "none", signature)


def values(datatype: str, *, binary: bool) -> st.SearchStrategy[Any]:
    """Elements that the form can hold: JSON has no word for what is not finite."""
    dtype = DTYPES[datatype]
    if datatype == "BYTES":
        return st.text()
    if dtype.kind == "f":
        return npst.from_dtype(dtype, allow_nan=binary, allow_infinity=binary)
    return npst.from_dtype(dtype)


@st.composite
def messages(draw: st.DrawFn) -> Message:
    names = draw(st.lists(st.text(min_size=1), min_size=1, max_size=3, unique=True))
    binary = {name for name in names if draw(st.booleans())}
    asked = None
    if draw(st.booleans()):
        chosen = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
        asked = {name: draw(st.booleans()) for name in chosen}
    tensors, arrays = [], {}
    for name in names:
        datatype = draw(st.sampled_from(sorted(DTYPES)))
        shape = draw(npst.array_shapes(min_dims=0, max_dims=4, max_side=4))
        # An output asked for as JSON holds what JSON can.
        in_json = name not in binary or (asked is not None and not asked.get(name, True))
        elements = values(datatype, binary=not in_json)
        arrays[name] = draw(npst.arrays(DTYPES[datatype], shape, elements=elements))
        free = tuple(-1 if draw(st.booleans()) else length for length in shape)
        tensors.append(Tensor(name, datatype, free))
    return Message(tuple(tensors), arrays, binary, asked, draw(st.booleans()))


def as_text(array: Array) -> Array:
    """Triton hands binary BYTES over as bytes."""
    decode = np.vectorize(lambda value: value.decode() if isinstance(value, bytes) else value, otypes="O")
    return decode(array) if array.dtype == np.object_ else array


@given(messages())
def test_tensors_from_and_to_a_foreign_client_are_unchanged(message: Message) -> None:
    body, length = oip.request(
        message.tensors, message.arrays, binary=list(message.binary), outputs=message.asked, request_id="a:b"
    )
    infer = message.codec.decode(body, length)
    assert list(infer.inputs) == [tensor.name for tensor in message.tensors]
    for name, array in message.arrays.items():
        found = infer.inputs[name]
        assert found.dtype == array.dtype
        assert found.flags.aligned
        assert_array_equal(found, array, strict=True)

    written, json_length = message.codec.encode(infer, infer.inputs)
    answer = oip.answer(written, json_length)
    assert answer.get_response()["id"] == "a:b"
    asked = dict.fromkeys(message.arrays, True) if message.asked is None else message.asked
    assert [output["name"] for output in answer.get_response()["outputs"]] == list(asked)
    assert (json_length is not None) == any(asked.values())
    for name, as_binary in asked.items():
        output = answer.get_output(name)
        assert ("data" in output) != as_binary
        assert_array_equal(as_text(answer.as_numpy(name)), message.arrays[name], strict=True)


@given(messages())
def test_nested_data_is_understood_as_flat_data_is(message: Message) -> None:
    finite = {
        name: np.nan_to_num(array, posinf=0, neginf=0) if array.dtype.kind == "f" else array
        for name, array in message.arrays.items()
    }
    inputs = [
        {
            "name": tensor.name,
            "shape": finite[tensor.name].shape,
            "datatype": tensor.datatype,
            # A tensor without dimensions has one value, and no other form than flat.
            "data": finite[tensor.name].tolist() if tensor.shape else [finite[tensor.name].item()],
        }
        for tensor in message.tensors
    ]
    for indent in (None, 40):
        infer = message.codec.decode(json.dumps({"inputs": inputs}, indent=indent).encode())
        for name, array in finite.items():
            assert_array_equal(infer.inputs[name], array, strict=True)


@given(st.lists(st.binary(), min_size=1))
def test_bytes_of_a_model_reach_the_client_as_they_are(values: list[bytes]) -> None:
    codec = Codec("echo", "1", "none", UNTYPED)
    infer = codec.decode(b'{"inputs":[],"parameters":{"binary_data_output":true}}')
    output = np.array(values, dtype=np.object_)
    found = oip.answer(*codec.encode(infer, {"images": output})).as_numpy("images")
    assert_array_equal(found, output)


@pytest.mark.parametrize("dtype", [">f4", ">i8", "S3", "U3"])
def test_arrays_in_other_forms_are_written_in_the_protocols_own(dtype: str) -> None:
    array = np.array([[1, 2], [3, 4]]).astype(dtype).T  # neither the byte order nor the layout of the wire
    codec = Codec("echo", "1", "none", UNTYPED)
    for binary in (False, True):
        request = {"inputs": [], "parameters": {"binary_data_output": binary}}
        infer = codec.decode(json.dumps(request).encode())
        found = as_text(oip.answer(*codec.encode(infer, {"y": array})).as_numpy("y"))
        assert found.astype(np.float64).tolist() == [[1, 3], [2, 4]]
