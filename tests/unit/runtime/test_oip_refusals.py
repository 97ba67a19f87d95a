"""Whatever comes in is read, or refused with the field, what was found and what was wanted."""

# ruff: noqa: E501 - the cases are tables
import json
import struct
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mlapi_runtime.errors import BadInput, ModelFailed, UnsupportedMedia
from mlapi_runtime.oip import BINARY_HEADER, Codec, header_length
from mlapi_runtime.signature import UNTYPED, Signature, Tensor

pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")  # as the codec has it

TYPED = Codec(
    "m",
    "1",
    "none",
    Signature(
        (Tensor("x", "FP32", (-1, 2)), Tensor("t", "BYTES", (-1,)), Tensor("b", "BOOL", (2,)), Tensor("u", "UINT8", (-1,))),
        (Tensor("y", "FP32", (-1,)), Tensor("z", "BYTES", (-1,))),
    ),
)  # fmt: skip
FLOATS = Codec("m", "1", "none", Signature((Tensor("x", "FP32", (-1, 2)),), (Tensor("y", "FP32", (-1,)),)))
FREE = Codec("m", "1", "none", UNTYPED)
HEADER = "Inference-Header-Content-Length"

X: dict[str, Any] = {"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}
T: dict[str, Any] = {"name": "t", "datatype": "BYTES", "shape": [2], "data": ["a", "b"]}
B: dict[str, Any] = {"name": "b", "datatype": "BOOL", "shape": [2], "data": [True, False]}
U: dict[str, Any] = {"name": "u", "datatype": "UINT8", "shape": [2], "data": [0, 255]}
WHOLE: dict[str, Any] = {"inputs": [X, T, B, U]}


def x(**changes: Any) -> dict[str, Any]:
    """The request with another first input; None leaves a field out."""
    given = {key: value for key, value in (X | changes).items() if value is not None}
    return {"inputs": [given, T, B, U]}


def sized(size: Any, **changes: Any) -> dict[str, Any]:
    return x(data=None, parameters={"binary_data_size": size}, **changes)


JSON_CASES: tuple[tuple[str, Any, str], ...] = (
    ("a list", [], "body: found array, wanted object"),
    ("no inputs", {}, "inputs: found nothing, wanted this field"),
    ("inputs that are no list", {"inputs": {}}, "inputs: found object, wanted array"),
    ("an input that is no object", {"inputs": [1]}, "inputs[0]: found int, wanted object"),
    ("an input without a name", x(name=None), "inputs[0].name: found nothing, wanted this field"),
    ("a name that is no string", x(name=1), "inputs[0].name: found int, wanted str"),
    ("an unknown name", x(name="y"), "inputs[0].name: found y, wanted each of x, t, b, u once"),
    ("an endless name", x(name="y" * 10**6), f"inputs[0].name: found {'y' * 80}..., wanted each of x, t, b, u once"),
    ("an input twice", {"inputs": [X, X]}, "inputs[1].name: found x, wanted each of x, t, b, u once"),
    ("an input too few", {"inputs": [X, T]}, "inputs: found x, t, wanted b, u too: the model needs every input"),
    ("no input at all", {"inputs": []}, "inputs: found none, wanted x, t, b, u too: the model needs every input"),
    ("an unknown field", {**WHOLE, "output": []}, "output: found an unknown field, wanted one of inputs, id, model_name, model_version, parameters, outputs"),
    ("an unknown field of an input", x(dtype="FP32"), "inputs[0].dtype: found an unknown field, wanted one of name, shape, datatype, data, parameters"),
    ("an unknown field of an output", {**WHOLE, "outputs": [{"name": "y", "shape": [1]}]}, "outputs[0].shape: found an unknown field, wanted one of name, parameters"),
    ("no datatype", x(datatype=None), "inputs[0].datatype: found nothing, wanted this field"),
    ("another datatype", x(datatype="FP64"), "inputs[0].datatype: found FP64, wanted FP32"),
    ("strings for floats", x(datatype="BYTES", data=["a:b", "c"]), "inputs[0].datatype: found BYTES, wanted FP32"),
    ("brain floats", x(datatype="BF16"), "inputs[0].datatype: found BF16, wanted FP32"),
    ("no shape", x(shape=None), "inputs[0].shape: found nothing, wanted this field"),
    ("a shape that is a number", x(shape=2), "inputs[0].shape: found int, wanted array"),
    ("a length that is no integer", x(shape=[1.0, 2]), "inputs[0].shape[0]: found float, wanted int"),
    ("a length that is a truth", x(shape=[True, 2]), "inputs[0].shape[0]: found bool, wanted int"),
    ("a dimension too few", x(shape=[2]), "inputs[0].shape: found [2], wanted shape [-1, 2] with at least 1 for each -1"),
    ("another length", x(shape=[1, 3]), "inputs[0].shape: found [1, 3], wanted shape [-1, 2] with at least 1 for each -1"),
    ("an empty batch", x(shape=[0, 2], data=[]), "inputs[0].shape: found [0, 2], wanted shape [-1, 2] with at least 1 for each -1"),
    ("a negative length", x(shape=[-1, 2]), "inputs[0].shape: found [-1, 2], wanted shape [-1, 2] with at least 1 for each -1"),
    ("a shape without end", x(shape=[1] * 10**5), "inputs[0].shape: found a list of 100000, wanted shape [-1, 2] with at least 1 for each -1"),
    ("a shape beyond any memory", x(shape=[2**62, 2]), f"inputs[0].data: found 2 values, wanted {2**63} for shape [{2**62}, 2]"),
    ("no data", x(data=None), "inputs[0].data: found nothing, wanted 2 values, or parameters.binary_data_size"),
    ("data that is a number", x(data=1), "inputs[0].data: found int, wanted array"),
    ("data that is an object", x(data={"a": 1}), "inputs[0].data: found object, wanted array"),
    ("a value too few", x(data=[1]), "inputs[0].data: found 1 values, wanted 2 for shape [1, 2]"),
    ("no values", x(data=[]), "inputs[0].data: found 0 values, wanted 2 for shape [1, 2]"),
    ("a value too many", x(data=[1, 2, 3]), "inputs[0].data: found 3 values, wanted 2 for shape [1, 2]"),
    ("a string among numbers", x(data=[1, "2"]), "inputs[0].data[1]: found str, wanted float"),
    ("nothing among numbers", x(data=[1, None]), "inputs[0].data[1]: found null, wanted float"),
    ("a truth among numbers", x(data=[1, True]), "inputs[0].data[1]: found bool, wanted float"),
    ("a number beyond the datatype", x(data=[1, -1e39]), "inputs[0].data[1]: found -1e+39, wanted FP32, -3.4028234663852886e+38 to 3.4028234663852886e+38"),
    ("the same, nested", x(data=[[1, 1e39]]), "inputs[0].data[0][1]: found 1e+39, wanted FP32, -3.4028234663852886e+38 to 3.4028234663852886e+38"),
    ("nested deeper than the shape", x(data=[[[1, 2]]]), "inputs[0].data[0][0]: found array, wanted float"),
    ("nested in part", x(data=[[1], 2]), "inputs[0].data[1]: found int, wanted array"),
    ("rows of unequal length", x(shape=[2, 2], data=[[1, 2], [3]]), "inputs[0].data: found rows of unequal length, wanted shape [2, 2], or flat"),
    ("nested in another way", x(shape=[1, 2], data=[[1], [2]]), "inputs[0].data: found nested as [2, 1], wanted shape [1, 2], or flat"),
    ("a number among strings", {"inputs": [X, {**T, "data": ["a", 1]}, B, U]}, "inputs[1].data[1]: found int, wanted str"),
    ("nested strings of a flat shape", {"inputs": [X, {**T, "data": [["a"], ["b"]]}, B, U]}, "inputs[1].data[0]: found array, wanted str"),
    ("a number for a truth", {"inputs": [X, T, {**B, "data": [1, 0]}, U]}, "inputs[2].data[0]: found int, wanted bool"),
    ("a byte of 256", {"inputs": [X, T, B, {**U, "data": [0, 256]}]}, "inputs[3].data[1]: found 256, wanted UINT8, 0 to 255"),
    ("a byte of -1", {"inputs": [X, T, B, {**U, "data": [-1, 0]}]}, "inputs[3].data[0]: found -1, wanted UINT8, 0 to 255"),
    ("a byte of 2**70", {"inputs": [X, T, B, {**U, "data": [0, 2**70]}]}, f"inputs[3].data[1]: found {2**70}, wanted UINT8, 0 to 255"),
    ("a broken byte", {"inputs": [X, T, B, {**U, "data": [0, 1.5]}]}, "inputs[3].data[1]: found float, wanted int"),
    ("an id that is a number", {**WHOLE, "id": 7}, "id: found int, wanted str | null"),
    ("parameters that are a list", {**WHOLE, "parameters": []}, "parameters: found array, wanted object | null"),
    ("outputs that are names", {**WHOLE, "outputs": ["y"]}, "outputs[0]: found str, wanted object"),
    ("an unknown output", {**WHOLE, "outputs": [{"name": "x"}]}, "outputs[0].name: found x, wanted each of y, z at most once"),
    ("an output twice", {**WHOLE, "outputs": [{"name": "y"}, {"name": "y"}]}, "outputs[1].name: found y, wanted each of y, z at most once"),
    ("an output as classes", {**WHOLE, "outputs": [{"name": "y", "parameters": {"classification": 3}}]}, "outputs[0].parameters.classification: found 3, wanted none: this extension of the protocol is not served"),
    ("an output in shared memory", {**WHOLE, "outputs": [{"name": "y", "parameters": {"shared_memory_region": "r"}}]}, "outputs[0].parameters.shared_memory_region: found r, wanted none: this extension of the protocol is not served"),
    ("a form that is no truth", {**WHOLE, "outputs": [{"name": "y", "parameters": {"binary_data": 1}}]}, "outputs[0].parameters.binary_data: found 1, wanted true or false"),
    ("a form of all that is no truth", {**WHOLE, "parameters": {"binary_data_output": "yes"}}, "parameters.binary_data_output: found yes, wanted true or false"),
    ("a time-out that is text", {**WHOLE, "parameters": {"timeout": "soon"}}, "parameters.timeout: found soon, wanted microseconds, an integer of at least 0"),
    ("a time-out in the past", {**WHOLE, "parameters": {"timeout": -1}}, "parameters.timeout: found -1, wanted microseconds, an integer of at least 0"),
    ("binary data without the header", sized(8), f"inputs[0].parameters.binary_data_size: found 8, wanted the header {HEADER} with it"),
    ("data in both forms", x(parameters={"binary_data_size": 8}), "inputs[0].data: found values beside inputs[0].parameters.binary_data_size, wanted one of them"),
)  # fmt: skip


@pytest.mark.parametrize(("request_", "says"), [case[1:] for case in JSON_CASES], ids=[case[0] for case in JSON_CASES])  # fmt: skip
def test_request_that_does_not_fit_is_refused_with_its_cause(request_: Any, says: str) -> None:
    with pytest.raises(BadInput) as raised:
        TYPED.decode(json.dumps(request_).encode())
    assert raised.value.detail == says


TEXT = json.dumps(WHOLE).encode()
BODY_CASES: tuple[tuple[str, bytes, str], ...] = (
    ("nothing", b"", "body: found no JSON (Input data was truncated), wanted an infer request"),
    ("white space", b"  \n", "body: found no JSON (Input data was truncated), wanted an infer request"),
    ("an end within a string", TEXT[:15], "body: found no JSON (Input data was truncated), wanted an infer request"),
    ("an end within a number", TEXT[:75], "body: found no JSON (Input data was truncated), wanted an infer request"),
    ("a comma too many", b'{"inputs": [], }', "body: found no JSON (JSON is malformed: trailing comma in object (byte 15)), wanted an infer request"),
    ("single quotes", b"{'inputs': []}", "body: found no JSON (JSON is malformed: object keys must be strings (byte 1)), wanted an infer request"),
    ("two bodies", TEXT + TEXT, f"body: found more behind the JSON, wanted the header {HEADER} with it"),
    ("a byte order mark", b"\xef\xbb\xbf" + TEXT, "body: found no JSON (JSON is malformed: invalid character (byte 0)), wanted an infer request"),
    ("UTF-16", TEXT.decode().encode("utf-16-le"), "body: found no JSON (JSON is malformed: object keys must be strings (byte 1)), wanted an infer request"),
    ("a NaN", TEXT.replace(b"1, 2]}", b"1, NaN]}"), "body: found no JSON (JSON is malformed: invalid character (byte 72)), wanted an infer request"),
    ("an Infinity", TEXT.replace(b"1, 2]}", b"1, Infinity]}"), "body: found no JSON (JSON is malformed: invalid character (byte 72)), wanted an infer request"),
    ("a number beyond all floats", TEXT.replace(b"1, 2]}", b"1, 1e999]}"), "inputs[0].data[1]: found number out of range, wanted a number that 64 bits can hold"),
    ("a number without end", TEXT.replace(b"1, 2]}", b"1, " + b"9" * 5000 + b"]}"), "inputs[0].data[1]: found number out of range, wanted a number that 64 bits can hold"),
    ("a length without end", TEXT.replace(b"[1, 2]", b"[1, " + b"2" * 5000 + b"]", 1), "inputs[0].shape[1]: found integer value out of range, wanted a number that 64 bits can hold"),
    ("a length of many digits", TEXT.replace(b"[1, 2]", b"[1, " + b"2" * 1000 + b"]", 1), f"inputs[0].shape: found [1, {'2' * 76}..., wanted shape [-1, 2] with at least 1 for each -1"),
    ("half a character", TEXT.replace(b'"a"', b'"\xc3"'), "inputs[1].data: found a string that is no UTF-8, wanted JSON in UTF-8"),
    ("half a character in a key", TEXT.replace(b'"inputs"', b'"inputs\xff"'), "body: found a string that is no UTF-8, wanted JSON in UTF-8"),
    ("a lone surrogate", TEXT.replace(b'"a"', rb'"\ud800abcdefg"'), "body: found no JSON (JSON is malformed: unexpected end of hex escape (byte 145)), wanted an infer request"),
    ("deep nesting", b'{"inputs":' * 10**5, "inputs: found object, wanted array"),
    ("deep nesting of data", TEXT.replace(b"[1, 2]}", b"[" * 10**5 + b"]" * 10**5 + b"}"), "body: found JSON that is nested too deeply, wanted an infer request"),
    ("deep nesting of a parameter", TEXT[:-1] + b', "parameters": {"a": ' + b'{"a":' * 10**5 + b"}" * 10**5 + b"}}", "body: found JSON that is nested too deeply, wanted an infer request"),
    ("the inputs twice", TEXT[:-1] + b', "inputs": []}', "inputs: found twice in one object, wanted each key once"),
    ("a shape twice", TEXT.replace(b'"shape"', b'"shape": [9], "shape"'), "shape: found twice in one object, wanted each key once"),
    ("a parameter twice", TEXT[:-1] + b', "parameters": {"a": {"b": 1, "b": 2}}}', "b: found twice in one object, wanted each key once"),
    ("data twice, in names with colons", TEXT.replace(b'"a"', rb'"a::\u003a"').replace(b'"data": ["', b'"data": [], "data": ["'), "data: found twice in one object, wanted each key once"),
    ("an id twice, a colon of which is escaped", TEXT[:-1] + rb', "id": "a:", "id": "\u003a"}', "id: found twice in one object, wanted each key once"),
)  # fmt: skip


@pytest.mark.parametrize(("body", "says"), [case[1:] for case in BODY_CASES], ids=[case[0] for case in BODY_CASES])  # fmt: skip
def test_body_that_is_no_json_of_a_request_is_refused_with_its_cause(body: bytes, says: str) -> None:
    with pytest.raises(BadInput) as raised:
        TYPED.decode(body)
    detail = raised.value.detail
    assert detail == says or (says.partition("(byte")[0] in detail and "(byte" in says)


def strings(*values: bytes) -> bytes:
    return b"".join(struct.pack("<I", len(value)) + value for value in values)


EIGHT = bytes(8)
TEXTS = strings(b"a", b"b")
BINARY_CASES: tuple[tuple[str, dict[str, Any], bytes, str], ...] = (
    ("a size that is text", sized("8"), EIGHT, "inputs[0].parameters.binary_data_size: found 8, wanted a number of bytes"),
    ("a size that is a truth", sized(True), EIGHT, "inputs[0].parameters.binary_data_size: found True, wanted a number of bytes"),
    ("a negative size", sized(-8), EIGHT, "inputs[0].parameters.binary_data_size: found -8, wanted a number of bytes"),
    ("a size beyond the body", sized(16, shape=[2, 2]), EIGHT, "inputs[0].parameters.binary_data_size: found 16, wanted at most 8, what the body has left"),
    ("a size beyond all", sized(2**70), EIGHT, f"inputs[0].parameters.binary_data_size: found {2**70}, wanted at most 8, what the body has left"),
    ("a size below the shape's", sized(4), EIGHT, "inputs[0].parameters.binary_data_size: found 4, wanted 8 for shape [1, 2] of FP32"),
    ("no bytes", sized(0), b"", "inputs[0].parameters.binary_data_size: found 0, wanted 8 for shape [1, 2] of FP32"),
    ("a shape beyond any memory", sized(8, shape=[2**62, 2]), EIGHT, f"inputs[0].parameters.binary_data_size: found 8, wanted {2**65} for shape [{2**62}, 2] of FP32"),
    ("an empty batch", sized(0, shape=[0, 2]), b"", "inputs[0].shape: found [0, 2], wanted shape [-1, 2] with at least 1 for each -1"),
    ("bytes left over", sized(8), EIGHT + b"more", "body: found 4 bytes behind the last tensor, wanted none"),
    ("bytes that no input announces", WHOLE, EIGHT, "body: found 8 bytes behind the last tensor, wanted none"),
    ("binary data and values", x(parameters={"binary_data_size": 8}), EIGHT, "inputs[0].data: found values beside inputs[0].parameters.binary_data_size, wanted one of them"),
    ("a truth of 2", {"inputs": [X, T, {**B, "data": None, "parameters": {"binary_data_size": 2}}, U]}, b"\1\2", "inputs[2].data[1]: found byte 2, wanted 0 or 1"),
)  # fmt: skip
TEXT_CASES: tuple[tuple[str, bytes, str], ...] = (
    ("a string too few", strings(b"a"), "inputs[1].parameters.binary_data_size: found 1 values in 5, wanted 2 values"),
    ("a string too many", TEXTS + strings(b"c"), "inputs[1].parameters.binary_data_size: found 2 values and 5 more bytes in 15, wanted 2 values"),
    ("a string cut short", TEXTS[:-1], "inputs[1].data[1]: found 1 bytes, wanted at most the 0 left of the tensor"),
    ("a length cut short", TEXTS[:7], "inputs[1].data[1]: found a length cut short, wanted at most the 0 left of the tensor"),
    ("a length beyond the tensor", b"\xff\xff\xff\xff" + TEXTS, "inputs[1].data[0]: found 4294967295 bytes, wanted at most the 10 left of the tensor"),
    ("an image", strings(b"a", b"\xff\xd8\xff"), "inputs[1].data[1]: found bytes that are no UTF-8, wanted text in UTF-8"),
    ("nothing", b"", "inputs[1].parameters.binary_data_size: found 0 values in 0, wanted 2 values"),
)  # fmt: skip


def refused(request: dict[str, Any], data: bytes) -> str:
    given = [{k: v for k, v in tensor.items() if v is not None} for tensor in request["inputs"]]
    text = json.dumps({**request, "inputs": given}).encode()
    with pytest.raises(BadInput) as raised:
        TYPED.decode(text + data, len(text))
    return raised.value.detail


@pytest.mark.parametrize(("request_", "data", "says"), [case[1:] for case in BINARY_CASES], ids=[case[0] for case in BINARY_CASES])  # fmt: skip
def test_binary_data_that_does_not_fit_is_refused_with_its_cause(
    request_: dict[str, Any], data: bytes, says: str
) -> None:
    assert refused(request_, data) == says


@pytest.mark.parametrize(("data", "says"), [case[1:] for case in TEXT_CASES], ids=[case[0] for case in TEXT_CASES])  # fmt: skip
def test_binary_strings_that_do_not_fit_are_refused_with_their_cause(data: bytes, says: str) -> None:
    given = {**T, "data": None, "parameters": {"binary_data_size": len(data)}}
    assert refused({"inputs": [X, given, B, U]}, data) == says


def test_header_beyond_the_body_is_refused() -> None:
    with pytest.raises(BadInput, match=f"^{HEADER}: found 1000, wanted at most {len(TEXT)}, the length of"):
        TYPED.decode(TEXT, 1000)
    with pytest.raises(BadInput, match=r"^body: found no JSON .*truncated"):
        TYPED.decode(TEXT, len(TEXT) - 1)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([b"-1"], "found -1, wanted a number of bytes"),
        ([b"+1"], "found +1, wanted a number of bytes"),
        ([b"1.0"], "found 1.0, wanted a number of bytes"),
        ([b"0x10"], "found 0x10, wanted a number of bytes"),
        ([b"all"], "found all, wanted a number of bytes"),
        ([b"1, 1"], "found 1, 1, wanted a number of bytes"),
        ([b""], "found nothing, wanted a number of bytes"),
        ([b"1_0"], "found 1_0, wanted a number of bytes"),
        (["١".encode()], "wanted a number of bytes"),
        ([b"9" * 5000], f"found {'9' * 18}, wanted a number of bytes"),
        ([b"10", b"10"], "found it twice, wanted it once"),
    ],
)
def test_header_that_is_no_length_is_refused(values: list[bytes], says: str) -> None:
    with pytest.raises(BadInput) as raised:
        header_length([(b"host", b"pod"), *((BINARY_HEADER, value) for value in values)])
    assert raised.value.detail.startswith(f"{HEADER}: ")
    assert says in raised.value.detail


def test_compressed_body_is_refused() -> None:
    with pytest.raises(UnsupportedMedia, match=r"^Content-Encoding: found gzip, wanted none$"):
        header_length([(b"content-encoding", b"gzip")])
    assert header_length([(b"content-encoding", b"identity")]) is None


def test_header_that_is_a_length_is_read() -> None:
    assert header_length([]) is None
    assert header_length([(b"content-length", b"7"), (BINARY_HEADER, b"0123")]) == 123


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"datatype": "BF16"}, "inputs[0].datatype: found BF16, wanted one of BOOL, INT8, INT16, INT32, INT64, UINT8, UINT16, UINT32, UINT64, FP16, FP32, FP64, BYTES"),
        ({"datatype": "fp32"}, "inputs[0].datatype: found fp32, wanted one of BOOL"),
        ({"shape": [2**62, 2**62]}, f"inputs[0].data: found 2 values, wanted {2**124} for shape"),
        ({"shape": [0]}, "inputs[0].shape: found [0], wanted at most 64 lengths of at least 1"),
        ({"shape": [1] * 65, "data": [1]}, "inputs[0].shape: found a list of 65, wanted at most 64 lengths of at least 1"),
        ({"datatype": "FP16", "data": [1, 7e4]}, "inputs[0].data[1]: found 70000.0, wanted FP16, -65504.0 to 65504.0"),
        ({"datatype": "INT64", "data": [1, 2**63]}, f"inputs[0].data[1]: found {2**63}, wanted INT64, {-2**63} to {2**63 - 1}"),
        ({"datatype": "UINT64", "data": [-1, 2**64 - 1]}, f"inputs[0].data[0]: found -1, wanted UINT64, 0 to {2**64 - 1}"),
    ],
)  # fmt: skip
def test_tensor_that_nobody_declared_is_held_to_the_protocol(given: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput) as raised:
        FREE.decode(json.dumps({"inputs": [X | {"shape": [2]} | given]}).encode())
    assert raised.value.detail.startswith(says)


def test_tensor_of_as_many_dimensions_as_arrays_have_is_read() -> None:
    data: Any = 1.5
    for _ in range(64):
        data = [data]
    for values in (data, [1.5]):
        request = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1] * 64, "data": values}]}
        assert FREE.decode(json.dumps(request).encode()).inputs["x"].shape == (1,) * 64


@pytest.mark.parametrize(
    ("outputs", "error", "says"),
    [
        ({"y": np.array([1j])}, ModelFailed, "output y: found an array of complex128, wanted one of BOOL"),
        ({"y": [[1], [2, 3]]}, ModelFailed, "output y: found rows of unequal length, wanted an array"),
        ({"y": {"a": 1}}, ModelFailed, "output y: found dict, wanted strings"),
        ({"y": [None]}, ModelFailed, "output y: found NoneType, wanted strings"),
        ({"y": np.array(["\ud800"], dtype=object)}, ModelFailed, "output y: found text with a lone surrogate, wanted text"),
        ({"y": np.array([b"\xff"], dtype=object)}, BadInput, "output y: found bytes that are no UTF-8, wanted parameters.binary_data: true in the request, as JSON holds text alone"),
        ({"z": np.array([1])}, BadInput, "outputs[0].name: found y, wanted one of z"),
    ],
)  # fmt: skip
def test_output_that_is_no_tensor_is_refused_with_its_name(
    outputs: dict[str, Any], error: type[Exception], says: str
) -> None:
    infer = FREE.decode(b'{"inputs":[],"outputs":[{"name":"y"}]}')
    with pytest.raises(error) as raised:
        FREE.encode(infer, outputs)
    assert str(raised.value).startswith(says)


def read_or_refused(codec: Codec, body: bytes, length: int | None = None) -> None:
    outputs = {"y": np.zeros(1, dtype=np.float32), "z": np.array(["a"], dtype=object)}
    try:
        codec.encode(codec.decode(body, length), outputs)
    except BadInput as error:
        msgspec.json.encode(error.detail)  # what a client sent may be no text


BODY = json.dumps({"inputs": [T, X | {"data": None}], "id": "7"}).replace('"data": null', '"parameters": {"binary_data_size": 8}').encode()  # fmt: skip


@given(
    st.sampled_from([TYPED, FLOATS, FREE]),
    st.sampled_from([TEXT, BODY + EIGHT]),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 8), st.binary(max_size=8)), max_size=6),
    st.none() | st.integers(0, 400) | st.just(len(BODY)),
)
@example(FREE, BODY + EIGHT, [], len(BODY))
def test_bytes_changed_at_random_are_read_or_refused(
    codec: Codec, body: bytes, changes: list[tuple[int, int, bytes]], length: int | None
) -> None:
    for place, removed, added in changes:
        body = body[:place] + added + body[place + removed :]
    read_or_refused(codec, body, length)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["inputs", "outputs", "name", "shape", "datatype", "data", "parameters", "id"]),
            inner,
            max_size=4,
        ),
        max_leaves=30,
    ),
    st.sampled_from(["inputs", "inputs.0", "outputs.0", "inputs.0.data", "inputs.0.shape", "inputs.0.parameters"]),
    st.sampled_from([TYPED, FLOATS, FREE]),
)  # fmt: skip
def test_json_with_any_value_anywhere_is_read_or_refused(value: Any, path: str, codec: Codec) -> None:
    request: Any = {"inputs": [dict(X)], "outputs": [{"name": "y"}]}
    place = request
    *steps, last = (int(step) if step.isdigit() else step for step in path.split("."))
    for step in steps:
        place = place[step]
    place[last] = value
    read_or_refused(codec, json.dumps(request).encode())
