"""The startup probe's answer is held until the start is over, so that the kubelet learns of it at once."""

import threading

import pytest

from mlapi_runtime import admin
from mlapi_runtime.config import parse
from mlapi_runtime.shared import READY, STATE, Shared

CONFIG = parse(
    {
        "MLAPI_CONFIG": '{"revision":"r-1a2b3c4d","framework":"FastAPI","model":{"name":"r","format":"ONNX",'
        '"path":"/models/m.onnx"},"serving":{"workers":1,"maxConcurrency":1,"requestTimeoutSeconds":60,'
        '"maxRequestBytes":100,"batching":{"maxSize":32,"maxDelayMilliseconds":0},"warmupRequests":1},'
        '"logRequests":"None","drainSeconds":10}'
    }
)


def test_startup_probe_that_came_too_early_is_answered_well_when_the_worker_is_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(admin, "HOLD_SECONDS", 60.0)
    shared = Shared(1)
    page = admin.routes(CONFIG, shared, 0.0)["/startupz"]
    answers: list[int] = []
    asking = threading.Thread(target=lambda: answers.append(page()[0]))
    asking.start()
    assert answers == []
    shared.slots[0].cells[STATE] = READY
    asking.join(timeout=30)
    assert answers == [200]


def test_startup_probe_says_what_is_missing_when_it_is_not_ready_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(admin, "HOLD_SECONDS", 0.0)
    status, _, body = admin.routes(CONFIG, Shared(1), 0.0)["/startupz"]()
    assert (status, body) == (503, b"0 of 1 workers are ready\n")
