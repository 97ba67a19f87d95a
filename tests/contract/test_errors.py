"""Bad input gets a clear answer that names the field, in the shape of the route that was asked."""

# ruff: noqa: E501 - the cases are a table
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import pytest

from tests.contract.conftest import Served

INFER = "/v2/models/digits/infer"
JSON = {"content-type": "application/json"}
ROW = [0.0] * 64


def infer(**changes: Any) -> dict[str, Any]:
    return {"inputs": [{"name": "X", "datatype": "FP32", "shape": [1, 64], "data": ROW, **changes}]}


def rows(value: str) -> bytes:
    """A body whose last value is written as given."""
    return f'{{"X": [{ROW}, [{"0, " * 63}{value}]]}}'.encode()


@dataclass(frozen=True)
class Native:
    """`culprit`: field, found, wanted; the first of them, if the request has several faults."""

    name: str
    status: int
    content: bytes
    culprit: tuple[str, str, str] | None = None
    says: str = ""
    headers: dict[str, str] = field(default_factory=lambda: JSON)
    method: str = "POST"
    path: str = "/predict"


NATIVE = (
    Native("no Content-Type is JSON", 422, b"{}", ("X", "nothing", "FP32, shape [-1, 64]"), headers={}),
    Native("another kind of JSON is JSON", 422, b"{}", ("X", "nothing", "FP32, shape [-1, 64]"), headers={"content-type": "application/problem+JSON; a=b"}),
    Native("another Content-Type", 415, b"{}", says="Content-Type: found text/plain, wanted application/json", headers={"content-type": "text/plain; charset=utf-8"}),
    Native("a form", 415, b"X=1", says="found application/x-www-form-urlencoded", headers={"content-type": "application/x-www-form-urlencoded"}),
    Native("no kind at all", 415, b"{}", says="Content-Type: found ", headers={"content-type": ";"}),
    Native("an empty body", 400, b"", says="the body is empty, wanted a JSON object"),
    Native("a truncated body", 400, b'{"X": [[0', says="the body is no JSON: Input data was truncated"),
    Native("a body that goes on", 400, b'{"X": []} {', says="trailing characters (byte 11)"),
    Native("a body that is no text", 400, b"\xff\xfe\x00", says="(byte 0)"),
    Native("a name that is no text", 400, b'{"\xff": 1}', says="the body is no JSON"),
    Native("NaN", 400, rows("NaN"), says="the body is no JSON: JSON is malformed: invalid character (byte"),
    Native("infinity", 400, rows("-Infinity"), says="the body is no JSON: JSON is malformed: invalid character (byte"),
    Native("nested beyond reason", 400, b"[" * 100_000, says="nested too deeply"),
    Native("an input nested beyond reason", 400, b'{"X": ' + b"[" * 100_000, says="nested too deeply"),
    Native("an unknown input nested beyond reason", 400, b'{"Y": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", says="nested too deeply"),
    Native("a key twice", 422, b'{"X": [], "X": []}', ("X", "twice in one object", "each key once")),
    Native("a key twice, once escaped", 422, b'{"X": [], "\\u0058": []}', ("X", "twice in one object", "each key once")),
    Native("a list", 422, b"[]", ("body", "a list of 0", "an object")),
    Native("null", 422, b"null", ("body", "null", "an object")),
    Native("a text", 422, b'"X"', ("body", '"X"', "an object")),
    Native("a missing input", 422, b"{}", ("X", "nothing", "FP32, shape [-1, 64]")),
    Native("an unknown input", 422, b'{"Y": {"a": 1}, "X": 1}', ("Y", "an object", "only X")),
    Native("an empty batch", 422, b'{"X": []}', ("X", "a list of 0", "a list of at least 1")),
    Native("a number instead of rows", 422, b'{"X": 7}', ("X", "7", "a list of at least 1")),
    Native("a number instead of a row", 422, f'{{"X": [{ROW}, 7]}}'.encode(), ("X[1]", "7", "a list of 64")),
    Native("a row that is too short", 422, f'{{"X": [{ROW}, {ROW[1:]}]}}'.encode(), ("X[1]", "a list of 63", "a list of 64")),
    Native("a huge row", 422, f'{{"X": [{ROW * 1000}]}}'.encode(), ("X[0]", "a list of 64000", "a list of 64")),
    Native("huge nesting of what should be a number", 422, rows("[" * 500 + "]" * 500), ("X[1][63]", "a list of 1", "a number of FP32")),
    Native("a number beyond the datatype", 422, rows("1e39"), ("X[1][63]", "1e+39", "a number of FP32")),
    Native("a number beyond all datatypes", 422, rows("1e400"), ("body", "a number beyond FP64", "numbers that FP64 holds")),
    Native("an integer beyond the datatype", 422, rows("-1" + "0" * 39), ("X[1][63]", "-1" + "0" * 35 + "...", "a number of FP32")),
    Native("a digit in quotes", 422, rows('"1"'), ("X[1][63]", '"1"', "a number of FP32")),
    Native("a long text", 422, rows('"' + "x" * 5000 + '"'), ("X[1][63]", '"' + "x" * 36 + "...", "a number of FP32")),
    Native("true", 422, rows("true"), ("X[1][63]", "true", "a number of FP32")),
    Native("null for a number", 422, rows("null"), ("X[1][63]", "null", "a number of FP32")),
    Native("every value wrong", 422, f'{{"X": {[["a"] * 64] * 100}}}'.replace("'", '"').encode(), ("X[0][0]", '"a"', "a number of FP32")),
    Native("beyond the body limit", 413, b" " * (1 << 20) + b"{}", says="serving.maxRequestBytes is 1048576"),
    Native("another method", 405, b"", says="GET /predict", method="GET"),
    Native("an unknown route", 404, b"", says="GET /nothing", method="GET", path="/nothing"),
    Native("a slash too many behind it", 404, b"{}", says="POST /predict/", path="/predict/"),
    Native("a slash too many before it", 404, b"{}", says="Not Found", path="//predict"),
)  # fmt: skip


@pytest.mark.parametrize("case", NATIVE, ids=lambda case: case.name)
def test_bad_native_request_is_answered_with_its_cause(served: Served, case: Native) -> None:
    answer = served.client.request(case.method, case.path, content=case.content, headers=case.headers)
    assert answer.status_code == case.status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-mlapi-revision"] == "digits-1a2b3c4d"
    if case.status == 405:
        assert "POST" in answer.headers["allow"]
    problem = answer.json()
    assert (problem["status"], problem["title"]) == (case.status, HTTPStatus(case.status).phrase)
    assert case.says in problem["detail"]
    if case.culprit:
        path, found, wanted = case.culprit
        assert problem["errors"][0] == {"field": path, "found": found, "wanted": wanted}
        assert problem["detail"].startswith(f"{path}: found {found}, wanted {wanted}")
    else:
        assert "errors" not in problem


@dataclass(frozen=True)
class Case:
    name: str
    path: str
    status: int
    says: str
    json: Any = None
    content: bytes | None = None
    headers: dict[str, str] = field(default_factory=lambda: JSON)
    method: str = "POST"


CASES = (
    Case("infer tells where JSON is malformed", INFER, 400, "byte 12", content=b'{"inputs": [}'),
    Case("infer refuses an empty body", INFER, 400, "Input data was truncated", content=b""),
    Case("infer refuses NaN", INFER, 400, "malformed", content=b'{"inputs":[{"name":"X","datatype":"FP32","shape":[1,64],"data":[NaN]}]}'),
    Case("infer refuses a number beyond the datatype", INFER, 400, "inputs[0].data", json=infer(data=[*ROW[:63], 1e39])),
    Case("infer refuses a string among numbers", INFER, 400, "data[63]", json=infer(data=[*ROW[:63], "a"])),
    Case("infer names a wrong shape", INFER, 400, "inputs[0].shape: found [1, 63]", json=infer(shape=[1, 63])),
    Case("infer counts the values", INFER, 400, "inputs[0].data: found 63 values, wanted 64", json=infer(data=ROW[:63])),
    Case("infer refuses rows of unequal length", INFER, 400, "inputs[0].data", json=infer(shape=[2, 64], data=[ROW, ROW[:63]])),
    Case("infer names a wrong datatype", INFER, 400, "inputs[0].datatype: found FP64, wanted FP32", json=infer(datatype="FP64")),
    Case("infer names an unknown input", INFER, 400, "inputs[0].name: found Z, wanted each of X", json=infer(name="Z")),
    Case("infer names a missing input", INFER, 400, "wanted X too", json={"inputs": []}),
    Case("infer names an unknown field", INFER, 400, "input: found an unknown field", json={"input": []}),
    Case("infer refuses an empty batch", INFER, 400, "inputs[0].shape: found [0, 64]", json=infer(shape=[0, 64], data=[])),
    Case("infer refuses a negative dimension", INFER, 400, "inputs[0].shape", json=infer(shape=[-1, 64])),
    Case("infer names an unknown output", INFER, 400, "outputs[0].name: found Z", json={**infer(), "outputs": [{"name": "Z"}]}),
    Case("infer refuses a time-out that is no number", INFER, 400, "parameters.timeout", json={**infer(), "parameters": {"timeout": "soon"}}),
    Case("an unknown model is named", "/v2/models/other/infer", 404, "model other", json=infer()),
    Case("an unknown version is named", "/v2/models/digits/versions/2/infer", 404, "version 1", json=infer()),
    Case("an unknown protocol route is named", "/v2/models/digits/explain", 404, "/v2/models/digits/explain", json=infer()),
    Case("infer takes POST alone", INFER, 405, "GET", method="GET"),
    Case("metadata takes GET alone", "/v2/models/digits", 405, "POST", json={}),
    Case("the smoke test takes GET alone", "/_mlapi/smoke", 405, "POST", json={}),
    Case("infer has a body limit", INFER, 413, "serving.maxRequestBytes is 1048576", content=b" " * (1 << 20) + b"{}"),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_protocol_request_is_answered_with_its_cause(served: Served, case: Case) -> None:
    answer = served.client.request(
        case.method, case.path, json=case.json, content=case.content, headers=case.headers
    )
    assert answer.status_code == case.status, answer.text
    assert answer.headers["x-mlapi-revision"] == "digits-1a2b3c4d"
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == {"error"}
    assert case.says in answer.json()["error"]


def test_connection_is_kept_after_an_error(served: Served) -> None:
    served.client.post("/predict", content=b"x" * (1 << 21), headers=JSON)
    served.client.post(INFER, content=b"{", headers=JSON)
    assert served.client.post("/predict", json={"X": [ROW]}).status_code == 200
