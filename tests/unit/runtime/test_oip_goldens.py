"""The bytes of the wire, as the protocol's texts have them."""

import json
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mlapi_runtime.oip import Codec
from mlapi_runtime.signature import UNTYPED, Signature, Tensor

SIGNATURE = Signature(
    (Tensor("input0", "UINT32", (2, 2)), Tensor("input1", "BOOL", (-1,))),
    (Tensor("output0", "FP32", (3, 2)), Tensor("label", "BYTES", (-1,))),
)
CODEC = Codec("mymodel", "1", "onnxruntime_onnx", SIGNATURE)
OUTPUTS = {
    "output0": np.array([[1.0, 1.5], [2.0, np.nan], [3.0, np.inf]], dtype=np.float32),
    "label": np.array(["a", "ß"], dtype=np.object_),
}

# The first example of the protocol's text, its second input as long as its shape.
JSON_REQUEST = b"""{
  "id" : "42",
  "inputs" : [
    { "name" : "input0", "shape" : [ 2, 2 ], "datatype" : "UINT32", "data" : [ 1, 2, 3, 4 ] },
    { "name" : "input1", "shape" : [ 3 ], "datatype" : "BOOL", "data" : [ true, false, true ] }
  ],
  "outputs" : [ { "name" : "output0" } ]
}"""
# The example of the extension's text: 19 bytes of two tensors behind the JSON, one asked for in return.
BINARY_JSON = b"""{
  "model_name" : "mymodel",
  "inputs" : [
    { "name" : "input0", "shape" : [ 2, 2 ], "datatype" : "UINT32",
      "parameters" : { "binary_data_size" : 16 } },
    { "name" : "input1", "shape" : [ 3 ], "datatype" : "BOOL", "parameters" : { "binary_data_size" : 3 } }
  ],
  "outputs" : [ { "name" : "output0", "parameters" : { "binary_data" : true } } ]
}"""
BINARY_DATA = b"\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0" + b"\1\0\1"


@pytest.mark.parametrize(
    ("body", "length"),
    [
        (JSON_REQUEST, None),
        (JSON_REQUEST, len(JSON_REQUEST)),
        (BINARY_JSON + BINARY_DATA, len(BINARY_JSON)),
        # Whatever place of memory the tensor begins at.
        *((BINARY_JSON + b" " * n + BINARY_DATA, len(BINARY_JSON) + n) for n in range(1, 4)),
    ],
)
def test_request_of_the_protocols_text_is_read(body: bytes, length: int | None) -> None:
    infer = CODEC.decode(body, length)
    assert_array_equal(infer.inputs["input0"], np.array([[1, 2], [3, 4]], dtype=np.uint32), strict=True)
    assert_array_equal(infer.inputs["input1"], np.array([True, False, True]), strict=True)
    assert infer.timeout_seconds == float("inf")


def test_answer_in_json_is_flat_and_null_where_json_has_no_word() -> None:
    assert CODEC.encode(CODEC.decode(JSON_REQUEST), OUTPUTS) == (
        b'{"model_name":"mymodel","model_version":"1","outputs":[{"name":"output0","datatype":"FP32",'
        b'"shape":[3,2],"data":[1.0,1.5,2.0,null,3.0,null]}],"id":"42"}',
        None,
    )


def test_answer_in_binary_has_the_tensor_behind_the_json() -> None:
    text = (
        b'{"model_name":"mymodel","model_version":"1","outputs":[{"name":"output0","datatype":"FP32",'
        b'"shape":[3,2],"parameters":{"binary_data_size":24}}]}'
    )
    infer = CODEC.decode(BINARY_JSON + BINARY_DATA, len(BINARY_JSON))
    assert CODEC.encode(infer, OUTPUTS) == (
        text + b"\0\0\x80\x3f\0\0\xc0\x3f\0\0\0\x40\0\0\xc0\x7f\0\0\x40\x40\0\0\x80\x7f",
        len(text),
    )


def asked(**others: Any) -> bytes:
    inputs = json.loads(JSON_REQUEST)["inputs"]
    return json.dumps({"inputs": inputs, **others}).encode()


@pytest.mark.parametrize(
    ("request_", "forms"),
    [
        (asked(), {"output0": False, "label": False}),
        (asked(outputs=[]), {"output0": False, "label": False}),
        (asked(outputs=None, parameters=None, id=None), {"output0": False, "label": False}),
        (asked(parameters={"binary_data_output": True}), {"output0": True, "label": True}),
        (
            asked(
                parameters={"binary_data_output": True},
                outputs=[{"name": "label", "parameters": {"binary_data": False}}, {"name": "output0"}],
            ),
            {"label": False, "output0": True},
        ),
        (asked(outputs=[{"name": "label", "parameters": {"binary_data": True}}]), {"label": True}),
    ],
)
def test_outputs_come_as_asked_in_the_order_asked(request_: bytes, forms: dict[str, bool]) -> None:
    body, length = CODEC.encode(CODEC.decode(request_), OUTPUTS)
    assert (length is None) != any(forms.values())
    answer = json.loads(body[:length])
    assert "id" not in answer
    assert {output["name"]: "data" not in output for output in answer["outputs"]} == forms
    assert [output["name"] for output in answer["outputs"]] == list(forms)
    sizes = {"output0": 24, "label": 11}
    for output in answer["outputs"]:
        if forms[output["name"]]:
            assert output["parameters"] == {"binary_data_size": sizes[output["name"]]}
    if length is not None:
        assert len(body) - length == sum(sizes[name] for name, binary in forms.items() if binary)


def test_binary_strings_have_their_length_in_front() -> None:
    infer = CODEC.decode(asked(outputs=[{"name": "label", "parameters": {"binary_data": True}}]))
    body, length = CODEC.encode(infer, OUTPUTS)
    assert body[length:] == b"\1\0\0\0a\2\0\0\0\xc3\x9f"


@pytest.mark.parametrize(
    "parameters",
    [
        {"priority": 3, "sequence_id": 7, "sequence_start": True, "sequence_end": False},
        {"sequence_id": "a:b", "content_type": "np", "headers": {"a": [1, {"b": 2}]}},
        {"timeout": 0},
        {},
    ],
)
def test_parameters_of_other_servers_are_passed_over(parameters: dict[str, Any]) -> None:
    request = json.loads(JSON_REQUEST) | {"parameters": parameters, "model_name": "x", "model_version": "3"}
    for tensor in (*request["inputs"], *request["outputs"]):
        tensor["parameters"] = {"content_type": "np"}
    infer = CODEC.decode(json.dumps(request).encode())
    assert infer.id == "42"
    assert infer.timeout_seconds == float("inf")


@pytest.mark.parametrize(("microseconds", "seconds"), [(1, 1e-6), (250_000, 0.25), (10**400, 2**63 / 1e6)])
def test_deadline_of_the_client_is_in_microseconds(microseconds: int, seconds: float) -> None:
    assert CODEC.decode(asked(parameters={"timeout": microseconds})).timeout_seconds == seconds


def test_metadata_tells_the_signature() -> None:
    assert CODEC.metadata() == (
        b'{"name":"mymodel","versions":["1"],"platform":"onnxruntime_onnx","inputs":[{"name":"input0",'
        b'"datatype":"UINT32","shape":[2,2]},{"name":"input1","datatype":"BOOL","shape":[-1]}],"outputs":'
        b'[{"name":"output0","datatype":"FP32","shape":[3,2]},{"name":"label","datatype":"BYTES","shape":[-1]}]}'
    )
    assert Codec("m", "1", "python_handler", UNTYPED).metadata() == (
        b'{"name":"m","versions":["1"],"platform":"python_handler","inputs":[],"outputs":[]}'
    )


def test_untyped_model_takes_any_tensors_and_tells_what_it_gave() -> None:
    codec = Codec("m", "1", "python_handler", UNTYPED)
    text = b"""{"inputs":[
        {"name":"text","shape":[1],"datatype":"BYTES","data":["a:b"]},
        {"name":"half","shape":[2],"datatype":"FP16","parameters":{"binary_data_size":4}},
        {"name":"one","shape":[],"datatype":"INT8","data":[-1]}],
        "outputs":[{"name":"y","parameters":{"binary_data":true}},{"name":"n"},{"name":"s"}]}"""
    infer = codec.decode(text + np.array([1, 2], dtype=np.float16).tobytes(), len(text))
    assert {name: (array.dtype.str, array.tolist()) for name, array in infer.inputs.items()} == {
        "text": ("|O", ["a:b"]),
        "half": ("<f2", [1.0, 2.0]),
        "one": ("|i1", -1),
    }
    outputs = {"y": np.array([[1]], dtype=np.uint16), "n": [1, 2], "s": "done", "spare": 1}
    head = (
        b'{"model_name":"m","model_version":"1","outputs":['
        b'{"name":"y","datatype":"UINT16","shape":[1,1],"parameters":{"binary_data_size":2}},'
        b'{"name":"n","datatype":"INT64","shape":[2],"data":[1,2]},'
        b'{"name":"s","datatype":"BYTES","shape":[],"data":["done"]}]}'
    )
    assert codec.encode(infer, outputs) == (head + b"\1\0", len(head))
