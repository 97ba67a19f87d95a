"""The Open Inference Protocol as clients meet it: the same bytes from every server, those of the library."""

# ruff: noqa: E501 - the refusals are a table
import json
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
import tritonclient.http as triton
from numpy.testing import assert_array_equal
from tritonclient.utils import InferenceServerException

from mlapi_runtime.formats.onnx import OnnxModel
from mlapi_runtime.oip import Codec, header_length
from mlapi_runtime.signature import Signature, Tensor
from tests.contract.conftest import Served
from tests.support import oip
from tests.support.onnx_models import digits

INFER = "/v2/models/digits/infer"
LENGTH = "Inference-Header-Content-Length"
SIGNATURE = Signature(
    (Tensor("X", "FP32", (-1, 64)),),
    (Tensor("label", "INT64", (-1,)), Tensor("probabilities", "FP32", (-1, 10))),
)
CODEC = Codec("digits", "1", OnnxModel.platform, SIGNATURE)


@pytest.fixture
def client(served: Served) -> Iterator[triton.InferenceServerClient]:
    client = triton.InferenceServerClient(served.pod.url.removeprefix("http://"))
    yield client
    client.close()


def tensor(rows: Any, *, binary: bool) -> triton.InferInput:
    given = triton.InferInput("X", list(rows.shape), "FP32")
    return given.set_data_from_numpy(rows, binary_data=binary)


@pytest.mark.parametrize("rows", [1, 5])
@pytest.mark.parametrize("binary", [False, True], ids=["json", "binary"])
@pytest.mark.parametrize(
    "forms",
    [
        None,
        {"label": False, "probabilities": False},
        {"probabilities": True, "label": True},
        {"label": False, "probabilities": True},
        {"probabilities": True},
    ],
    ids=str,
)
def test_client_gets_what_onnxruntime_answers(
    served: Served,
    client: triton.InferenceServerClient,
    rows: int,
    binary: bool,
    forms: dict[str, bool] | None,
) -> None:
    x = digits().held_out[:rows]
    outputs = None
    if forms is not None:
        outputs = [triton.InferRequestedOutput(name, binary_data=form) for name, form in forms.items()]
    answer = client.infer("digits", [tensor(x, binary=binary)], outputs=outputs, request_id="7")
    wanted = dict(zip(("label", "probabilities"), served.reference.run(None, {"X": x}), strict=True))
    head = answer.get_response()
    assert (head["model_name"], head["model_version"], head["id"]) == ("digits", "1", "7")
    assert [output["name"] for output in head["outputs"]] == list(forms or wanted)
    for output in head["outputs"]:
        assert_array_equal(answer.as_numpy(output["name"]), wanted[output["name"]], strict=True)


def test_client_may_send_what_other_servers_know(client: triton.InferenceServerClient) -> None:
    answer = client.infer(
        "digits",
        [tensor(digits().held_out[:1], binary=True)],
        model_version="1",
        sequence_id="a:b",
        sequence_start=True,
        priority=3,
        timeout=30_000_000,
        headers={"Content-Type": "text/plain"},
        parameters={"mine": "ours"},
    )
    assert answer.as_numpy("label").shape == (1,)


def test_client_is_told_why_it_is_refused(client: triton.InferenceServerClient) -> None:
    given = tensor(digits().held_out[:1], binary=True)
    with pytest.raises(InferenceServerException) as refused:
        client.infer("digits", [given], request_compression_algorithm="gzip")
    assert str(refused.value) == "[415] Content-Encoding: found gzip, wanted none"
    with pytest.raises(InferenceServerException) as refused:
        client.infer("digits", [given.set_shape([2, 64])])
    assert refused.value.status() == "400"
    assert refused.value.message() == (
        "inputs[0].parameters.binary_data_size: found 256, wanted 512 for shape [2, 64] of FP32"
    )


@pytest.mark.parametrize("binary_in", [False, True])
@pytest.mark.parametrize("binary_out", [False, True])
def test_every_server_answers_the_same_bytes(served: Served, binary_in: bool, binary_out: bool) -> None:
    x = digits().held_out[:3]
    body, length = oip.request(
        SIGNATURE.inputs,
        {"X": x},
        binary=["X"] if binary_in else [],
        outputs={"probabilities": binary_out, "label": False},
        request_id="ß",
    )
    headers = {} if length is None else {LENGTH: str(length)}
    answer = served.client.post(INFER, content=body, headers=headers)
    labels, probabilities = served.reference.run(None, {"X": x})
    wanted, json_length = CODEC.encode(
        CODEC.decode(body, length), {"label": labels, "probabilities": probabilities}
    )
    assert answer.content == wanted
    del answer.headers["date"]
    assert answer.headers == {
        "content-type": "application/json" if json_length is None else "application/octet-stream",
        "content-length": str(len(wanted)),
        **({} if json_length is None else {LENGTH.lower(): str(json_length)}),
        "x-mlapi-revision": "digits-1a2b3c4d",
    }
    assert header_length(answer.headers.raw) == json_length


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/v2/health/live", {"live": True}),
        ("/v2/health/ready", {"ready": True}),
        ("/v2/models/digits/ready", {"name": "digits", "ready": True}),
        ("/v2/models/digits/versions/1/ready", {"name": "digits", "ready": True}),
        ("/v2/models/digits", json.loads(CODEC.metadata())),
        ("/v2/models/digits/versions/1", json.loads(CODEC.metadata())),
    ],
)
def test_every_server_tells_the_same_of_itself(served: Served, path: str, wanted: Any) -> None:
    answer = served.client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.content == json.dumps(wanted, separators=(",", ":")).encode()


def test_server_metadata_names_the_extension(served: Served) -> None:
    for path in ("/v2", "/v2/"):
        found = served.client.get(path).json()
        assert found["extensions"] == ["binary_tensor_data"]
        assert set(found) == {"name", "version", "extensions"}


ROW: Any = [0.0] * 64
BINARY = json.dumps(
    {"inputs": [{"name": "X", "datatype": "FP32", "shape": [1, 64], "parameters": {"binary_data_size": 256}}]}
).encode()
WHOLE = BINARY + bytes(256)
JSON = json.dumps({"inputs": [{"name": "X", "datatype": "FP32", "shape": [1, 64], "data": ROW}]}).encode()

# What is sent, the header's values, and the beginning of what comes back.
REFUSED: dict[str, tuple[bytes, list[Any], str]] = {
    "JSON that ends early": (JSON[:-9], [], "body: found no JSON (Input data was truncated)"),
    "nothing": (b"", [], "body: found no JSON (Input data was truncated)"),
    "nothing, of length 0": (b"", ["0"], "body: found no JSON (Input data was truncated)"),
    "a list": (b"[]", [], "body: found array, wanted object"),
    "a key twice": (JSON[:-1] + b',"inputs":[]}', [], "inputs: found twice in one object"),
    "NaN": (JSON.replace(b"[0.0", b"[NaN"), [], "body: found no JSON (JSON is malformed: invalid character"),
    "1e999": (JSON.replace(b"[0.0", b"[1e999"), [], "inputs[0].data[0]: found number out of range"),
    "a shape beyond all": (JSON.replace(b"[1, 64]", b"[%d, 64]" % 2**62), [], "inputs[0].data: found 64 values"),
    "deep nesting": (JSON.replace(b"[0.0", b"[" * 10**5), [], "body: found JSON that is nested too deeply"),
    "an empty batch": (JSON.replace(b"[1, 64]", b"[0, 64]"), [], "inputs[0].shape: found [0, 64]"),
    "no UTF-8": (JSON.replace(b"X", b"\xff"), [], "body: found a string that is no UTF-8"),
    "binary data without the header": (WHOLE, [], f"body: found more behind the JSON, wanted the header {LENGTH}"),
    "binary data that ends early": (WHOLE[:-1], [len(BINARY)], "inputs[0].parameters.binary_data_size: found 256, wanted at most 255"),
    "binary data that goes on": (WHOLE + b"x", [len(BINARY)], "body: found 1 bytes behind the last tensor, wanted none"),
    "a header beyond the body": (WHOLE, [10**6], f"{LENGTH}: found 1000000, wanted at most {len(WHOLE)}, the length of the body"),
    "a header below the JSON": (WHOLE, [len(BINARY) - 1], "body: found no JSON (Input data was truncated)"),
    "a negative header": (WHOLE, [-1], f"{LENGTH}: found -1, wanted a number of bytes"),
    "a header that is no number": (WHOLE, ["all"], f"{LENGTH}: found all, wanted a number of bytes"),
    "a header without a value": (WHOLE, [""], f"{LENGTH}: found nothing, wanted a number of bytes"),
    "a header twice": (WHOLE, [len(BINARY), len(BINARY)], f"{LENGTH}: found it twice, wanted it once"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_bad_request_is_refused_by_every_server_in_the_same_words(served: Served, name: str) -> None:
    body, lengths, says = REFUSED[name]
    headers = [(LENGTH, str(length)) for length in lengths]
    answer = served.client.post(INFER, content=body, headers=headers)
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == {"error"}
    assert answer.json()["error"].startswith(says)


@pytest.mark.parametrize(
    "content_type",
    [None, "", "application/json", "application/octet-stream", "text/plain", "nonsense", "a/b; c"],
)
def test_content_type_does_not_matter(served: Served, content_type: str | None) -> None:
    headers = [] if content_type is None else [("Content-Type", content_type)]
    for body, length in ((JSON, None), (WHOLE, len(BINARY))):
        more = [] if length is None else [(LENGTH.upper(), str(length))]
        assert served.client.post(INFER, content=body, headers=[*headers, *more]).status_code == 200


def test_body_in_pieces_is_put_together(served: Served) -> None:
    pieces = (WHOLE[start : start + 7] for start in range(0, len(WHOLE), 7))
    answer = httpx.post(f"{served.pod.url}{INFER}", content=pieces, headers={LENGTH: str(len(BINARY))})
    assert answer.status_code == 200
    labels, _ = served.reference.run(None, {"X": np.zeros((1, 64), dtype=np.float32)})
    assert answer.json()["outputs"][0]["data"] == labels.tolist()
