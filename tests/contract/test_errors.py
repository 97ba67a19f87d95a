"""Bad input gets a clear answer that names the field, in the shape of the route that was asked."""

# ruff: noqa: E501 - the cases are a table
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.contract.conftest import Served

INFER = "/v2/models/digits/infer"
JSON = {"content-type": "application/json"}
ROW = [0.0] * 64


def infer(**changes: Any) -> dict[str, Any]:
    return {"inputs": [{"name": "X", "datatype": "FP32", "shape": [1, 64], "data": ROW, **changes}]}


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
    Case("predict takes no other content type", "/predict", 415, "application/json", content=b"{}", headers={"content-type": "text/plain"}),
    Case("predict takes JSON without a content type", "/predict", 422, "X: found nothing", content=b"{}", headers={}),
    Case("predict tells where JSON breaks off", "/predict", 400, "no JSON", content=b'{"X": [[0'),
    Case("predict refuses a body that is no text", "/predict", 400, "body", content=b"\xff\xfe\x00"),
    Case("predict refuses NaN", "/predict", 422, "X[0][63]", content=f'{{"X": [{[*ROW[:63], float("nan")]}]}}'.replace("nan", "NaN").encode()),
    Case("predict refuses a number beyond the datatype", "/predict", 422, "X[0][63]", json={"X": [[*ROW[:63], 1e39]]}),
    Case("predict names the row that is too short", "/predict", 422, "X[1]: found a list of 63", json={"X": [ROW, ROW[:63]]}),
    Case("predict names an unknown field", "/predict", 422, "Y", json={"X": [ROW], "Y": 1}),
    Case("predict refuses an empty batch", "/predict", 422, "X: found a list of 0", json={"X": []}),
    Case("predict names a missing input", "/predict", 422, "X: found nothing", json={}),
    Case("predict takes POST alone", "/predict", 405, "GET /predict", method="GET"),
    Case("an unknown route is said to be so", "/nothing", 404, "/nothing", method="GET"),
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
    Case("predict has a body limit", "/predict", 413, "serving.maxRequestBytes is 1048576", content=b" " * (1 << 20) + b"{}"),
    Case("infer has a body limit", INFER, 413, "serving.maxRequestBytes is 1048576", content=b" " * (1 << 20) + b"{}"),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_request_is_answered_with_its_cause(served: Served, case: Case) -> None:
    answer = served.client.request(
        case.method, case.path, json=case.json, content=case.content, headers=case.headers
    )
    assert answer.status_code == case.status, answer.text
    assert answer.headers["x-mlapi-revision"] == "digits-1a2b3c4d"
    if case.path.startswith("/v2"):
        assert answer.headers["content-type"] == "application/json"
        assert set(answer.json()) == {"error"}
        assert case.says in answer.json()["error"]
    else:
        assert answer.headers["content-type"].startswith(("application/problem+json", "application/json"))
        assert case.says in answer.text
    if answer.headers["content-type"] == "application/problem+json":
        assert answer.json()["status"] == case.status
        assert answer.json()["title"]


def test_connection_is_kept_after_an_error(served: Served) -> None:
    served.client.post("/predict", content=b"x" * (1 << 21), headers=JSON)
    served.client.post(INFER, content=b"{", headers=JSON)
    assert served.client.post("/predict", json={"X": [ROW]}).status_code == 200
