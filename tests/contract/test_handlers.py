"""Python handler classes on real servers: what they may do, and what the server bears of them."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import tritonclient.http as triton

from tests.contract.conftest import FRAMEWORKS
from tests.support.serving import Pod, configuration, eventually

SOURCE = Path(__file__).parents[1] / "support" / "source"
INFER = "/v2/models/digits/infer"
TYPED = {"x": [[1, 2], [3.5, 4]], "name": ["Ada", "ß"]}


@dataclass(frozen=True, slots=True)
class Handled:
    """A pod that serves a handler; `folder` is the path of its model."""

    pod: Pod
    client: httpx.Client
    folder: Path

    def do(self, what: str) -> httpx.Response:
        return self.client.post("/predict", json={"do": [what]})


@contextmanager
def handled(folder: Path, framework: str, handler: str) -> Iterator[Handled]:
    """A pod that serves a class of `handlers`, and a client of it."""
    config = configuration(folder, framework=framework)
    config["model"].update(format="Python", handler=f"handlers:{handler}")
    with (
        Pod(folder, config, source=SOURCE) as pod,
        httpx.Client(base_url=pod.url, timeout=60) as client,
    ):
        yield Handled(pod.started(), client, folder)


@pytest.fixture(params=FRAMEWORKS)
def framework(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", params=FRAMEWORKS)
def faulty(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Handled]:
    with handled(tmp_path_factory.mktemp("faulty"), request.param, "Faulty") as served:
        yield served


@pytest.mark.parametrize("handler", ["TypedOne", "TypedBatch"])
def test_typed_handler_answers_on_every_route(tmp_path: Path, framework: str, handler: str) -> None:
    with handled(tmp_path, framework, handler) as served:
        pod, client = served.pod, served.client
        wanted = {"sum": [3.0, 7.5], "greeting": ["hello Ada", "hello ß"]}
        assert client.get("/_mlapi/smoke").status_code == 200
        assert client.post("/predict", json=TYPED).json() == wanted
        wrong = client.post("/predict", json={**TYPED, "x": [[1], [2]]})
        assert wrong.status_code == 422
        assert wrong.json()["errors"][0]["field"].startswith("x")
        for binary in (True, False):
            assert infer(pod, binary) == wanted
        assert client.get("/v2/models/digits").json()["inputs"] == [
            {"name": "x", "datatype": "FP32", "shape": [-1, 2]},
            {"name": "name", "datatype": "BYTES", "shape": [-1]},
        ]
        schemas = client.get("/openapi.json").json()["components"]["schemas"]
        assert set(schemas["PredictRequest"]["properties"]) == {"x", "name"}


def infer(pod: Pod, binary: bool) -> dict[str, Any]:
    client = triton.InferenceServerClient(pod.url.removeprefix("http://"))
    arrays = {"x": np.array(TYPED["x"], np.float32), "name": np.array(TYPED["name"], np.object_)}
    tensors = []
    for name, array in arrays.items():
        tensors.append(triton.InferInput(name, list(array.shape), "FP32" if name == "x" else "BYTES"))
        tensors[-1].set_data_from_numpy(array, binary_data=binary)
    outputs = [triton.InferRequestedOutput(name, binary_data=binary) for name in ("sum", "greeting")]
    try:
        answer = client.infer("digits", tensors, outputs=outputs)
        texts = [text if isinstance(text, str) else text.decode() for text in answer.as_numpy("greeting")]
        return {"sum": answer.as_numpy("sum").tolist(), "greeting": texts}
    finally:
        client.close()


def test_untyped_handler_takes_any_object_and_any_tensors(tmp_path: Path, framework: str) -> None:
    with handled(tmp_path, framework, "UntypedOne") as served:
        client = served.client
        assert client.get("/_mlapi/smoke").status_code == 200
        for anything in (
            {},
            {"text": "a", "deep": {"list": [1, None, {"x": True}]}, "none": None},
            {"x": [[1, 2], [3]], "n": 1.5, "": ["ß"]},
        ):
            answer = client.post("/predict", json=anything)
            assert (answer.status_code, answer.json()) == (200, anything)
        answer = client.post("/predict", json={"x": "no number"})
        assert (answer.status_code, answer.json()) == (200, {"x": [1.0, None, None]})
        assert client.post("/predict", json=[1]).status_code == 422
        deep = client.post("/predict", content=b'{"x":' + b"[" * 900 + b"]" * 900 + b"}")
        assert (deep.status_code, deep.json()["errors"][0]["found"]) == (422, "more than 64 levels")
        inputs = [
            {"name": "a b", "datatype": "INT16", "shape": [2, 1], "data": [1, 2]},
            {"name": "y", "datatype": "FP64", "shape": [1], "data": [0.5]},
        ]
        answer = client.post(INFER, json={"inputs": inputs})
        assert answer.status_code == 200
        assert answer.json()["outputs"] == [
            {"name": "a b", "datatype": "INT64", "shape": [1, 1], "data": [3]},
            {"name": "y", "datatype": "FP64", "shape": [1], "data": [0.5]},
        ]
        metadata = client.get("/v2/models/digits").json()
        assert (metadata["inputs"], metadata["outputs"]) == ([], [])


def test_untyped_rows_of_several_requests_share_calls_and_keep_their_kind(
    tmp_path: Path, framework: str
) -> None:
    with handled(tmp_path, framework, "UntypedBatch") as served:
        client = served.client
        requests: list[dict[str, Any]] = [
            ({"x": [i, -i]}, {"x": [i / 2]}, {"t": [f"t{i}"] * 3}, {"t": ["a"], "x": [i]})[i % 4]
            for i in range(80)
        ]
        with ThreadPoolExecutor(40) as pool:
            answers = list(pool.map(lambda request: client.post("/predict", json=request), requests))
        shared = set()
        for request, answer in zip(requests, answers, strict=True):
            assert answer.status_code == 200
            found = answer.json()
            shared.update(found.pop("rows"))
            assert found == {name: [value + value for value in values] for name, values in request.items()}
        assert max(shared) > 3, "no two requests ever shared a call"
        refused = client.post("/predict", json={"x": 1})
        assert refused.status_code == 422
        assert "wanted a list with a row" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("what", "detail"),
    [
        ("raise", "the model failed: ValueError: no luck"),
        ("garbage", "handlers:Faulty: output outputs: found str, wanted a dict of name: array"),
        ("nothing", "handlers:Faulty: output done: found nothing, wanted FP32 values, shape [1]"),
        ("shape", "handlers:Faulty: output done: found shape [2], wanted shape [1]"),
        ("dtype", "handlers:Faulty: output done: found strings, shape [1], wanted FP32 values, shape [1]"),
        ("exit", "the model failed: SystemExit: 3"),
    ],
)
def test_handler_that_fails_is_told_and_the_next_request_is_answered(
    faulty: Handled, what: str, detail: str
) -> None:
    pod = faulty.pod
    workers = pod.workers()
    failed = faulty.do(what)
    assert (failed.status_code, failed.headers["content-type"]) == (500, "application/problem+json")
    assert failed.json()["detail"] == detail
    tensor = {"name": "do", "datatype": "BYTES", "shape": [1], "data": [what]}
    told = faulty.client.post(INFER, json={"inputs": [tensor]})
    assert (told.status_code, told.json()) == (500, {"error": detail})
    assert faulty.do("well").json() == {"done": [1.0]}
    assert pod.workers() == workers


def test_input_that_a_handler_refuses_is_the_clients_fault(faulty: Handled) -> None:
    refused = faulty.do("refuse")
    assert refused.status_code == 422
    assert refused.json()["errors"] == [
        {"field": "do[0]", "found": "refuse", "wanted": "something that can be done"}
    ]


def test_health_answers_while_a_handler_is_busy(faulty: Handled) -> None:
    pod = faulty.pod
    with ThreadPoolExecutor(1) as pool:
        busy = pool.submit(faulty.do, "wait")
        eventually((faulty.folder / "waiting").exists)
        with httpx.Client(base_url=pod.url, timeout=10) as other:
            for path in ("/v2/health/live", "/v2/health/ready", "/v2/models/digits", "/openapi.json"):
                assert other.get(path).status_code == 200
        assert [pod.probe(name) for name in ("livez", "readyz")] == [200, 200]
        assert not busy.done()
        (faulty.folder / "go on").touch()
        assert busy.result().json() == {"done": [1.0]}


def test_worker_whose_handler_keeps_the_interpreter_busy_lives_on(faulty: Handled) -> None:
    pod = faulty.pod
    workers = pod.workers()
    with ThreadPoolExecutor(1) as pool:
        busy = pool.submit(faulty.do, "hold")
        while not busy.done():
            assert [pod.probe(name) for name in ("livez", "readyz")] == [200, 200]
        assert busy.result().json() == {"done": [1.0]}
    assert pod.workers() == workers


def test_worker_that_a_handler_ends_is_replaced(faulty: Handled) -> None:
    pod = faulty.pod
    workers = pod.workers()
    with pytest.raises(httpx.RemoteProtocolError):
        faulty.do("die")
    eventually(lambda: len(pod.workers()) == 1 and pod.workers() != workers)
    pod.started()
    eventually(lambda: pod.probe("readyz") == 200)
    assert faulty.do("well").json() == {"done": [1.0]}


@pytest.mark.parametrize(
    ("handler", "message"),
    [
        ("handlers:Unloadable", "handlers:Unloadable.load failed: FileNotFoundError: .*weights.json"),
        ("handlers:Missing", "model.handler: found no Missing in handlers"),
        ("nowhere:Handler", "model.handler: found no module nowhere"),
        (None, "model.handler: found nothing, wanted module:Class"),
    ],
)
def test_handler_that_cannot_be_loaded_ends_the_pod_with_its_cause(
    tmp_path: Path, handler: str | None, message: str
) -> None:
    config = configuration(tmp_path)
    config["model"].update(format="Python", handler=handler)
    with Pod(tmp_path, config, source=SOURCE) as pod:
        assert pod.ended() not in (0, 137)
        assert pod.termination()["reason"] == "LoadFailed"
        assert re.search(message, pod.termination()["message"])
