"""A server that has enough to do says so at once; what nobody waits for is never computed."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contract.conftest import in_background, predict, waiting
from tests.support.serving import Pod, configuration, eventually


@pytest.fixture(
    params=[("FastAPI", True), ("Litestar", False), ("DjangoNinja", False)],
    ids=lambda param: f"{param[0]}-{'fast' if param[1] else 'routed'}",
)
def pod(request: pytest.FixtureRequest, tmp_path: Path, looped_model: Path) -> Iterator[Pod]:
    """One that admits two requests at once."""
    framework, fast = request.param
    config = configuration(looped_model, maxConcurrency=2, fastPath=fast)
    with Pod(tmp_path, {**config, "framework": framework}) as pod:
        yield pod.started()


STREAMS = """
import asyncio
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()

@app.get("/count")
async def count(to: int) -> StreamingResponse:
    async def numbers():
        for number in range(to):
            yield f"{number}\\n"
            await asyncio.sleep(0.05)
    return StreamingResponse(numbers())
"""


def infer(pod: Pod, turns: int, **parameters: Any) -> httpx.Response:
    tensor = {"name": "n", "datatype": "INT64", "shape": [1], "data": [turns]}
    request = {"inputs": [tensor], "parameters": parameters}
    return httpx.post(f"{pod.url}/v2/models/digits/infer", json=request, timeout=60)


def test_request_beyond_the_limit_is_refused_with_retry_after(pod: Pod, turns_per_second: int) -> None:
    answers = in_background(pod, 3 * turns_per_second, 1)
    for refused in (predict(pod, 1), infer(pod, 1)):
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) >= 1
        assert "2 requests" in refused.text
        assert refused.headers["x-mlapi-revision"] == "digits-1a2b3c4d"
    # Health answers while the model is busy.
    assert httpx.get(f"{pod.url}/v2/health/ready").status_code == 200
    assert pod.probe("livez") == 200
    assert [answer.result().status_code for answer in answers] == [200, 200]
    assert pod.stats().rejected == 2
    eventually(lambda: pod.counted() == {("predict", "2xx"): 2})
    assert predict(pod, 1).json() == {"done": [1]}


def test_request_past_its_deadline_is_answered_504(
    tmp_path: Path, looped_model: Path, turns_per_second: int
) -> None:
    with Pod(tmp_path, configuration(looped_model, requestTimeoutSeconds=1)) as pod:
        answers = in_background(pod.started(), 5 * turns_per_second, 1)
        assert [answer.result().status_code for answer in answers] == [504, 504]
        assert answers[1].result().json()["title"] == "Gateway Timeout"
        eventually(lambda: pod.counted() == {("predict", "5xx"): 2})


def test_deadline_of_the_client_shortens_that_of_the_server(pod: Pod, turns_per_second: int) -> None:
    (slow,) = in_background(pod, 3 * turns_per_second)
    answer = infer(pod, 1, timeout=100_000)
    assert answer.status_code == 504
    assert "deadline" in answer.json()["error"]
    assert not slow.done()
    assert slow.result().status_code == 200


def test_request_of_a_client_that_left_gives_its_place_back(pod: Pod, turns_per_second: int) -> None:
    (slow,) = in_background(pod, 4 * turns_per_second)
    with socket.create_connection(("127.0.0.1", int(pod.url.rpartition(":")[2]))) as client:
        client.sendall(b'POST /predict HTTP/1.1\r\nHost: pod\r\nContent-Length: 9\r\n\r\n{"n":[7]}')
        eventually(lambda: waiting(pod) == 2)
        assert predict(pod, 1).status_code == 429
    eventually(lambda: waiting(pod) == 1)
    assert not slow.done()
    assert infer(pod, 1, timeout=100_000).status_code == 504  # admitted, where there was no place before
    assert slow.result().status_code == 200
    assert "mlapi_requests_cancelled_total 1.0" in pod.admin.get("/metrics").text
    assert pod.counted() == {("predict", "2xx"): 1, ("infer", "5xx"): 1}


def test_stream_of_a_users_route_arrives_as_it_is_made_and_is_cut_at_the_deadline(
    tmp_path: Path, model: Path
) -> None:
    (tmp_path / "streams.py").write_text(STREAMS)
    config = {**configuration(model, requestTimeoutSeconds=2), "app": "streams:app"}
    with Pod(tmp_path, config, source=tmp_path) as pod, httpx.Client(base_url=pod.started().url) as client:
        with client.stream("GET", "/count", params={"to": 3}) as answer:
            assert list(answer.iter_text()) == ["0\n", "1\n", "2\n"]
        with client.stream("GET", "/count", params={"to": 10**9}) as answer:
            parts = answer.iter_text()
            assert next(parts) == "0\n"
            with pytest.raises(httpx.RemoteProtocolError):
                list(parts)
        eventually(lambda: pod.counted() == {("user", "2xx"): 1, ("user", "5xx"): 1})
        eventually(lambda: waiting(pod) == 0)
