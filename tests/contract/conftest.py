"""The contract suite meets real gunicorn servers, started by the launcher, in every way of serving."""

import math
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import onnxruntime as ort
import pytest

from tests.support.onnx_models import digits, looped, written
from tests.support.serving import Pod, configuration, eventually

FRAMEWORKS = ("FastAPI", "Litestar", "DjangoNinja")


@dataclass(frozen=True, slots=True)
class Way:
    """Of serving. `fast_path`: the protocol's routes are answered in front of the framework."""

    framework: str
    fast_path: bool = True
    workers: int = 1

    def __str__(self) -> str:
        return f"{self.framework}-{'fast' if self.fast_path else 'routed'}-{self.workers}"


WAYS = tuple(Way(*way) for way in product(FRAMEWORKS, (True, False), (1, 2)))


@dataclass(frozen=True, slots=True)
class Served:
    """A pod that serves the digits, and the same model without a server."""

    way: Way
    pod: Pod
    reference: Any
    client: httpx.Client


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("model"), "digits.onnx", digits().onnx)


@pytest.fixture(scope="session", params=WAYS, ids=str)
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, model: Path
) -> Iterator[Served]:
    """Each way of serving, one after the other."""
    with serving(tmp_path_factory.mktemp("pod"), model, request.param) as served:
        yield served


@pytest.fixture(scope="session", params=[Way(framework) for framework in FRAMEWORKS], ids=str)
def served_alone(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, model: Path
) -> Iterator[Served]:
    """Each framework, with one worker: for what neither workers nor the fast path can change."""
    with serving(tmp_path_factory.mktemp("pod"), model, request.param) as served:
        yield served


@contextmanager
def serving(folder: Path, model: Path, way: Way) -> Iterator[Served]:
    config = configuration(model, framework=way.framework, workers=way.workers, fastPath=way.fast_path)
    config["logRequests"] = "Metadata"
    with Pod(folder, config) as pod, httpx.Client(base_url=pod.url, timeout=60) as client:
        yield Served(way, pod.started(), ort.InferenceSession(str(model)), client)


@pytest.fixture(scope="session")
def looped_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("model"), "looped.onnx", looped())


@pytest.fixture(scope="session")
def turns_per_second(looped_model: Path) -> int:
    """How much work keeps the model busy for about a second here and now."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(str(looped_model), options)
    turns, quickest = 100, math.inf
    for _ in range(5):
        started = time.perf_counter()
        session.run(None, {"n": np.array([turns])})
        quickest = min(quickest, time.perf_counter() - started)
    return int(turns / quickest)


def predict(pod: Pod, turns: int) -> httpx.Response:
    """Keeps the looped model busy for so many turns."""
    return httpx.post(f"{pod.url}/predict", json={"n": [turns]}, timeout=60)


def in_background(pod: Pod, *turns: int) -> list[Future[httpx.Response]]:
    """Predictions that an idle server has all in its hands; the first keeps the model from the others."""
    answers: list[Future[httpx.Response]] = []
    with_threads = ThreadPoolExecutor(len(turns))
    for n in turns:
        answers.append(with_threads.submit(predict, pod, n))
        eventually(lambda: waiting(pod) == len(answers))
    with_threads.shutdown(wait=False)
    return answers


def waiting(pod: Pod) -> int:
    """Requests that the pod has admitted and not yet answered."""
    stats = pod.stats()
    return stats.in_flight + stats.queued
