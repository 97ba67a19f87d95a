"""How a serving pod starts, drains, stops and fails; what it says about it."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from tests.contract.conftest import in_background
from tests.support.onnx_models import digits, written
from tests.support.serving import Pod, children, configuration, eventually

ROW = {"X": digits().held_out[:1].tolist()}


def test_probes_follow_the_life_of_the_pod(tmp_path: Path, model: Path) -> None:
    fifo = tmp_path / "later.onnx"
    os.mkfifo(fifo)  # loading stands still until somebody writes the model
    with Pod(tmp_path, configuration(fifo, workers=2)) as pod:
        eventually(lambda: pod.probe("livez") == 200)
        eventually(lambda: len(pod.workers()) == 2)
        assert (pod.probe("startupz"), pod.probe("readyz")) == (503, 503)
        assert not pod.stats().model_loaded
        assert pod.probe("nothing") == 404
    with Pod(tmp_path, configuration(model, workers=2)) as pod:
        pod.started()
        assert [pod.probe(name) for name in ("livez", "readyz", "startupz")] == [200, 200, 200]
        pod.signal(signal.SIGTERM)
        assert pod.ended() == 0


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("garbage.onnx", b"not a model", "onnxruntime"),
        ("zipmap.onnx", digits().onnx_with_zipmap, "convert the classifier with zipmap=False"),
        ("model.bin", b"", "model.format: Auto cannot tell the format of model.bin"),
    ],
)
def test_model_that_cannot_be_served_ends_the_pod_with_its_cause(
    tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    with Pod(tmp_path, configuration(written(tmp_path, name, content))) as pod:
        assert pod.ended() not in (0, 137)
        assert pod.termination()["reason"] == "LoadFailed"
        assert says in pod.termination()["message"]


def test_field_that_is_wrong_is_named(tmp_path: Path, model: Path) -> None:
    with Pod(tmp_path, configuration(model, workers="two")) as pod:
        assert pod.ended() == 1
        assert pod.termination() == {
            "reason": "LoadFailed",
            "message": "MLAPI_CONFIG: Expected `int`, got `str` - at `$.serving.workers`",
        }


def test_framework_that_is_unknown_is_named_with_those_that_are(tmp_path: Path, model: Path) -> None:
    with Pod(tmp_path, {**configuration(model), "framework": "Flask"}) as pod:
        assert pod.ended() != 0
        message = "framework: found Flask, wanted one of FastAPI, Litestar, DjangoNinja"
        assert pod.termination()["message"] == message


STARTS = """
from contextlib import asynccontextmanager
from fastapi import FastAPI
from litestar import Litestar

@asynccontextmanager
async def needs_a_database(app):
    raise ConnectionError("no database at db:5432\\nis it up?")
    yield

fastapi = FastAPI(lifespan=needs_a_database)
litestar = Litestar(lifespan=[needs_a_database])
"""


@pytest.mark.parametrize(("framework", "name"), [("FastAPI", "fastapi"), ("Litestar", "litestar")])
def test_application_whose_start_fails_ends_the_pod_with_its_words(
    framework: str, name: str, tmp_path: Path, model: Path
) -> None:
    (tmp_path / "starts.py").write_text(STARTS)
    config = {**configuration(model), "framework": framework, "app": f"starts:{name}"}
    with Pod(tmp_path, config, source=tmp_path) as pod:
        assert pod.ended() != 0
        assert pod.termination() == {
            "reason": "LoadFailed",
            "message": "the application failed to start: ConnectionError: no database at db:5432\nis it up?",
        }


def test_worker_killed_while_it_loads_ends_the_pod_with_137(tmp_path: Path) -> None:
    fifo = tmp_path / "later.onnx"
    os.mkfifo(fifo)
    with Pod(tmp_path, configuration(fifo)) as pod:
        eventually(lambda: len(pod.workers()) == 1)
        os.kill(pod.workers()[0], signal.SIGKILL)
        assert pod.ended() == 137
        assert pod.termination() == {
            "reason": "LoadFailed",
            "message": "a worker was killed by SIGKILL (out of memory?) while it loaded the model",
        }


def test_worker_killed_while_it_serves_is_replaced_and_its_counts_stay(tmp_path: Path, model: Path) -> None:
    with Pod(tmp_path, configuration(model)) as pod:
        pod.started()
        for killed in range(1, 4):
            assert httpx.post(f"{pod.url}/predict", json=ROW).status_code == 200
            eventually(lambda n=killed: pod.counted() == {("predict", "2xx"): n})  # type: ignore[misc]
            (worker,) = pod.workers()
            os.kill(worker, signal.SIGKILL)
            if killed < 3:
                eventually(lambda old=worker: old not in pod.workers() and pod.probe("startupz") == 200)  # type: ignore[misc]
        assert pod.ended() == 137
        assert pod.termination()["message"].startswith("3 workers died within 60 s, the last one was killed")


def test_gunicorn_killed_ends_the_pod_with_137(tmp_path: Path, model: Path) -> None:
    with Pod(tmp_path, configuration(model)) as pod:
        pod.started()
        gunicorn = int(Path(f"/proc/{pod.process.pid}/task/{pod.process.pid}/children").read_text())
        os.kill(gunicorn, signal.SIGKILL)
        assert pod.ended() == 137
        assert pod.termination()["message"] == "gunicorn ended with code 137"


class Client(threading.Thread):
    """Asks again and again on one connection until the server gives it back or `stop` is set."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.stop = threading.Event()
        self.answered = 0
        self.given_back = False
        self.failures: list[str] = []

    def run(self) -> None:
        with httpx.Client(base_url=self.url, limits=httpx.Limits(max_connections=1), timeout=30) as client:
            while not self.stop.is_set():
                try:
                    answer = client.post("/predict", json=ROW)
                except httpx.TransportError as error:
                    self.failures.append(repr(error))
                    return
                if answer.status_code != 200:
                    self.failures.append(answer.text)
                self.answered += 1
                if answer.headers.get("connection") == "close":
                    self.given_back = True
                    return


@pytest.mark.parametrize("workers", [1, 2])
def test_drain_gives_every_connection_back_and_loses_no_request(
    tmp_path: Path, model: Path, workers: int
) -> None:
    with Pod(tmp_path, configuration(model, workers=workers)) as pod:
        pod.started()
        clients = [Client(pod.url) for _ in range(8)]
        for client in clients:
            client.start()
        eventually(lambda: all(client.answered > 5 for client in clients))
        assert not any(client.given_back for client in clients)
        pod.signal(signal.SIGUSR1)
        for client in clients:
            client.join()
        assert all(client.given_back for client in clients)
        # Still ready, still taking connections: others learn of the end later than the pod itself.
        assert pod.probe("readyz") == 200
        assert httpx.post(f"{pod.url}/predict", json=ROW).headers["connection"] == "close"
        pod.signal(signal.SIGTERM)
        assert pod.ended() == 0
        assert [failure for client in clients for failure in client.failures] == []


def test_requests_in_flight_are_finished_after_sigterm(
    tmp_path: Path, looped_model: Path, turns_per_second: int
) -> None:
    with Pod(tmp_path, configuration(looped_model)) as pod:
        pod.started()
        answers = in_background(pod, 2 * turns_per_second, turns_per_second // 4, 1)
        pod.signal(signal.SIGTERM)
        assert pod.ended() == 0
        assert [answer.result().status_code for answer in answers] == [200, 200, 200]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a PID namespace")
def test_as_pid_1_the_launcher_reaps_orphans_and_drain_finds_it(tmp_path: Path, model: Path) -> None:
    in_namespace = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
    with Pod(tmp_path, configuration(model), prefix=in_namespace) as pod:
        pod.started()
        (launcher,) = children(pod.process.pid)
        (gunicorn,) = children(launcher)

        def inside(*command: str) -> None:
            enter = ("nsenter", f"--target={launcher}", "--pid", "--mount")
            subprocess.run([*enter, *command], check=True, env=pod.environment)

        inside("sh", "-c", "sleep 1 &")
        eventually(lambda: len(children(launcher)) == 2)
        eventually(lambda: children(launcher) == [gunicorn])
        assert "connection" not in httpx.post(f"{pod.url}/predict", json=ROW).headers
        inside(sys.executable, "-P", "-m", "mlapi_runtime.drain")
        assert httpx.post(f"{pod.url}/predict", json=ROW).headers["connection"] == "close"
