"""Requests hold the same values in each form, as the runtime reads them; and only equal answers are equal."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlapi_operator.cli.bench.answers import differ, outputs
from mlapi_operator.cli.bench.payload import CODES, JSON_LENGTH, Tensor, payloads
from mlapi_runtime.oip import Codec, header_length
from mlapi_runtime.signature import DTYPES, Signature
from mlapi_runtime.signature import Tensor as Served

TENSORS = st.builds(
    Tensor,
    name=st.sampled_from(["x", "input.1", "größe"]),
    datatype=st.sampled_from(sorted(set(CODES) - {"FP16"})),
    shape=st.lists(st.sampled_from([-1, 1, 2, 3]), min_size=1, max_size=3).map(tuple),
)


def test_codes_are_of_every_datatype_but_bytes() -> None:
    assert CODES.keys() == DTYPES.keys() - {"BYTES"}
    assert all(np.dtype(code) == DTYPES[name] for name, code in CODES.items())


@given(TENSORS)
def test_payloads_in_every_form_are_read_as_the_same_tensor(tensor: Tensor) -> None:
    found = payloads([tensor], [tensor])
    served = Served(tensor.name, tensor.datatype, tensor.shape)
    codec = Codec("m", "1", "test", Signature((served,), (served,)))
    headers = [(name.lower().encode(), value.encode()) for name, value in found["binary"].headers.items()]
    native = served.array(json.loads(found["native"].body)[tensor.name])
    by_json = codec.decode(found["json"].body, None).inputs[tensor.name]
    by_binary = codec.decode(found["binary"].body, header_length(headers)).inputs[tensor.name]
    assert native.shape == tensor.sent_shape
    np.testing.assert_array_equal(by_json, native)
    np.testing.assert_array_equal(by_binary, native)


@pytest.mark.parametrize(
    ("datatype", "routes"),
    [("FP32", {"native", "json", "binary"}), ("FP16", {"native", "binary"}), ("BYTES", {"native", "json"})],
)
def test_payloads_leave_out_what_the_protocol_has_no_form_for(datatype: str, routes: set[str]) -> None:
    tensor = Tensor("x", datatype, (-1, 2))
    assert payloads([tensor], [tensor]).keys() == routes


def test_outputs_of_equal_answers_are_equal_in_each_form() -> None:
    values = np.array([[0.25, 0.5]], np.float32)
    native = outputs("native", {}, json.dumps({"p": values.tolist()}).encode())
    tensor = {"name": "p", "datatype": "FP32", "shape": [1, 2]}
    by_json = outputs("json", {}, json.dumps({"outputs": [{**tensor, "data": [0.25, 0.5]}]}).encode())
    head = json.dumps({"outputs": [{**tensor, "parameters": {"binary_data_size": 8}}]}).encode()
    by_binary = outputs("binary", {JSON_LENGTH.lower(): str(len(head))}, head + values.tobytes())
    assert native == by_json == by_binary == {"p": [0.25, 0.5]}


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"p": [0.25, 0.6]}, "p: 0.6, wanted 0.5"),
        ({"p": [0.25]}, "p: 1 values, wanted 2"),
        ({"q": [0.25, 0.5]}, "outputs q, wanted p"),
    ],
)
def test_differ_names_the_first_difference(found: dict[str, list[float]], said: str) -> None:
    assert differ(found, {"p": [0.25, 0.5]}) == said


def test_differ_takes_sums_in_another_order_for_equal() -> None:
    assert differ({"p": [0.25000001]}, {"p": [0.25]}) is None
