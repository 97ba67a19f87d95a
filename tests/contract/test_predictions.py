"""What a server answers is what onnxruntime answers when it is called directly, alone or in company."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import httpx
import numpy as np
import tritonclient.http as triton
from numpy.testing import assert_allclose, assert_array_equal

from tests.contract.conftest import Served
from tests.support.onnx_models import digits

INFER = "/v2/models/digits/infer"


def expected(served: Served, rows: Any) -> tuple[Any, Any]:
    labels, probabilities = served.reference.run(None, {"X": rows})
    return labels, probabilities


def infer_request(rows: Any) -> dict[str, Any]:
    return {
        "id": "7",
        "inputs": [
            {"name": "X", "datatype": "FP32", "shape": list(rows.shape), "data": rows.ravel().tolist()}
        ],
    }


def test_predict_one_row_equals_onnxruntime(served: Served) -> None:
    rows = digits().held_out[:1]
    answer = served.client.post("/predict", json={"X": rows.tolist()})
    labels, probabilities = expected(served, rows)
    assert answer.status_code == 200
    assert answer.headers["x-mlapi-revision"] == "digits-1a2b3c4d"
    assert answer.json()["label"] == labels.tolist()
    assert_allclose(answer.json()["probabilities"], probabilities, rtol=1e-5)


def test_infer_one_row_equals_onnxruntime(served: Served) -> None:
    rows = digits().held_out[1:2]
    answer = served.client.post(INFER, json=infer_request(rows)).json()
    labels, probabilities = expected(served, rows)
    assert (answer["model_name"], answer["model_version"], answer["id"]) == ("digits", "1", "7")
    assert [(o["name"], o["datatype"], o["shape"]) for o in answer["outputs"]] == [
        ("label", "INT64", [1]),
        ("probabilities", "FP32", [1, 10]),
    ]
    assert answer["outputs"][0]["data"] == labels.tolist()
    assert_allclose(answer["outputs"][1]["data"], probabilities.ravel(), rtol=1e-5)


def test_infer_nested_data_and_selected_output_are_understood(served: Served) -> None:
    rows = digits().held_out[:3]
    request = infer_request(rows)
    request["inputs"][0]["data"] = rows.tolist()
    request["outputs"] = [{"name": "label"}]
    answer = served.client.post("/v2/models/digits/versions/1/infer", json=request).json()
    assert [output["name"] for output in answer["outputs"]] == ["label"]
    assert answer["outputs"][0]["data"] == expected(served, rows)[0].tolist()


def test_requests_at_once_each_get_their_own_rows(served: Served) -> None:
    held_out = digits().held_out
    parts = [held_out[start : start + 1 + start % 4] for start in range(0, 200, 2)]

    async def predict(client: httpx.AsyncClient, rows: Any) -> Sequence[Any]:
        answer = (await client.post("/predict", json={"X": rows.tolist()})).raise_for_status().json()
        return answer["label"], answer["probabilities"]

    async def infer(client: httpx.AsyncClient, rows: Any) -> Sequence[Any]:
        answer = (await client.post(INFER, json=infer_request(rows))).raise_for_status().json()
        labels, probabilities = (output["data"] for output in answer["outputs"])
        return labels, np.reshape(probabilities, (-1, 10))

    async def all_at_once(
        ask: Callable[[httpx.AsyncClient, Any], Awaitable[Sequence[Any]]],
    ) -> list[Sequence[Any]]:
        limits = httpx.Limits(max_connections=50)
        async with httpx.AsyncClient(base_url=served.pod.url, limits=limits, timeout=60) as client:
            return await asyncio.gather(*(ask(client, rows) for rows in parts))

    for ask in (predict, infer):
        for rows, (labels, probabilities) in zip(parts, asyncio.run(all_at_once(ask)), strict=True):
            wanted_labels, wanted_probabilities = expected(served, rows)
            assert_array_equal(labels, wanted_labels)
            assert_allclose(probabilities, wanted_probabilities, rtol=1e-4, atol=1e-7)


def test_a_foreign_protocol_client_reads_metadata_and_predicts(served: Served) -> None:
    rows = digits().held_out[:5]
    client = triton.InferenceServerClient(served.pod.url.removeprefix("http://"))
    try:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("digits")
        assert client.is_model_ready("digits", "1")
        metadata = client.get_model_metadata("digits")
        assert metadata["inputs"] == [{"name": "X", "datatype": "FP32", "shape": [-1, 64]}]
        assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
        tensor = triton.InferInput("X", list(rows.shape), "FP32")
        tensor.set_data_from_numpy(rows, binary_data=False)
        outputs = [
            triton.InferRequestedOutput(name, binary_data=False) for name in ("label", "probabilities")
        ]
        answer = client.infer("digits", [tensor], outputs=outputs, request_id="a")
        labels, probabilities = expected(served, rows)
        assert_array_equal(answer.as_numpy("label"), labels)
        assert_allclose(answer.as_numpy("probabilities"), probabilities, rtol=1e-5)
    finally:
        client.close()
