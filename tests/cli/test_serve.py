"""`mlapi serve` by its user: each example answers, nothing is left behind, failures say what to do."""

import hashlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from runpy import run_path
from typing import Any

import httpx
import pytest
import yaml

from e2e.cluster.ports import free_port
from e2e.digits import train
from e2e.faulty_models import broken
from e2e.model_server import issue
from tests.support.laptop import NOBODY, ROOT, Laptop, owned
from tests.support.mlapis import Object, framework, merged, mlapi, model, provided
from tests.support.serving import eventually

EXAMPLES = ROOT / "examples"
MANIFESTS = sorted(
    [*EXAMPLES.glob("*.yaml"), *EXAMPLES.glob("apps/*/mlapi.yaml"), *EXAMPLES.glob("handlers/*/mlapi.yaml")]
)


@pytest.fixture
def laptop(tmp_path: Path) -> Laptop:
    return Laptop(tmp_path / "home")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with digits.onnx and digits.skops, and one that is broken."""
    folder = tmp_path_factory.mktemp("models")
    digits = train()
    (folder / "digits.onnx").write_bytes(digits.onnx)
    (folder / "digits.skops").write_bytes(digits.skops)
    (folder / "broken.onnx").write_bytes(broken())
    return folder


def written(folder: Path, manifest: Object) -> Path:
    file = folder / "mlapi.yaml"
    file.write_text(yaml.safe_dump(manifest))
    return file


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_serve_of_an_example_answers_the_requests_that_it_shows(
    manifest: Path, laptop: Laptop, models: Path
) -> None:
    spec = yaml.safe_load(manifest.read_text())["spec"]
    name = spec["model"]["uri"].rpartition("/")[2]
    file = next(path for path in (manifest.parent / name, models / name) if path.exists())
    source = () if manifest.parent == EXAMPLES else ("--source", manifest.parent)
    with laptop.mlapi("serve", "-f", manifest, "--model", file, *source, "--port", "0") as serve:
        answers = serve.ready().shown_requests()
        infer = f"/v2/models/{spec['model'].get('name') or manifest_name(manifest)}/infer"
        assert answers.keys() == {"/predict", infer}
        if manifest.is_relative_to(EXAMPLES / "handlers"):
            assert "your handler may want others" in serve.output
            answers = {"/predict": httpx.post(f"{serve.url}/predict", json=handler_example(manifest, spec))}
        assert {answer.status_code for answer in answers.values()} == {200}
        assert answers["/predict"].headers["x-mlapi-revision"] == f"{manifest_name(manifest)}-local"
        serve.process.send_signal(signal.SIGINT)
        code, output = serve.ended()
        assert (code, serve.processes()) == (0, [])
        assert "Traceback" not in output


def handler_example(manifest: Path, spec: Object) -> Any:
    module, _, name = spec["model"]["handler"].partition(":")
    return run_path(str(manifest.parent / f"{module}.py"))[name].example


def manifest_name(manifest: Path) -> str:
    return str(yaml.safe_load(manifest.read_text())["metadata"]["name"])


def test_serve_of_a_wheel_away_from_the_clone_answers(tmp_path: Path, models: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = (tmp_path / "dist").iterdir()
    site = tmp_path / "site"
    subprocess.run([sys.executable, "-m", "zipfile", "-e", str(wheel), str(site)], check=True)
    laptop = Laptop(tmp_path / "home", path=[site])
    manifest = EXAMPLES / "digits-fastapi.yaml"
    with laptop.mlapi("serve", "-f", manifest, "--model", models / "digits.onnx", "--port", "0") as serve:
        assert serve.ready().shown_requests()["/predict"].json()["label"]


GATE = '''
import pathlib, time

class Gate:
    """Answers once the file `open` is beside this one; shows that it waits."""

    example = {"x": 1}

    def load(self, path):
        self.folder = pathlib.Path(__file__).parent
        self.warm = False

    def predict(self, inputs):
        if "wait" in inputs:
            (self.folder / "waiting").touch()
            while not (self.folder / "open").exists():
                time.sleep(0.01)
        return {"y": inputs["x"]}
'''


@dataclass
class Gated:
    """A handler that answers when it is told to, in a folder of its own."""

    folder: Path
    arguments: tuple[Any, ...]


@pytest.fixture
def gated(tmp_path: Path) -> Gated:
    folder = owned(tmp_path / "code")
    (folder / "gate.py").write_text(GATE)
    (folder / "weights.bin").touch()
    spec = provided(merged(framework("FastAPI"), model(format="Python", handler="gate:Gate")))
    manifest = written(folder, mlapi(spec))
    arguments = (
        "serve",
        "-f",
        manifest,
        "--source",
        folder,
        "--model",
        folder / "weights.bin",
        "--port",
        "0",
    )
    return Gated(folder, arguments)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_that_is_told_to_end_answers_what_is_under_way(
    number: signal.Signals, gated: Gated, laptop: Laptop
) -> None:
    with laptop.mlapi(*gated.arguments) as serve, ThreadPoolExecutor() as threads:
        url = serve.ready().url
        asking = threads.submit(httpx.post, f"{url}/predict", json={"x": 7, "wait": True}, timeout=60)
        eventually((gated.folder / "waiting").exists)
        serve.process.send_signal(number)
        eventually(lambda: "draining" in serve.output)
        (gated.folder / "open").touch()
        assert asking.result().json() == {"y": 7}
        code, output = serve.ended()
        assert (code, serve.processes()) == (0, [])
        assert "Traceback" not in output


def test_serve_that_is_interrupted_twice_ends_at_once(gated: Gated, laptop: Laptop) -> None:
    with laptop.mlapi(*gated.arguments) as serve, ThreadPoolExecutor() as threads:
        url = serve.ready().url
        asking = threads.submit(httpx.post, f"{url}/predict", json={"x": 7, "wait": True}, timeout=60)
        eventually((gated.folder / "waiting").exists)
        serve.process.send_signal(signal.SIGINT)
        eventually(lambda: "draining" in serve.output)
        serve.process.send_signal(signal.SIGINT)
        assert serve.ended()[0] == 0
        assert serve.processes() == []
        with pytest.raises(httpx.TransportError):
            asking.result()


def test_serve_that_is_killed_leaves_no_process(laptop: Laptop, models: Path) -> None:
    manifest = EXAMPLES / "digits-tuned.yaml"  # two workers
    with laptop.mlapi("serve", "-f", manifest, "--model", models / "digits.onnx", "--port", "0") as serve:
        serve.ready()
        assert len(serve.processes()) == 5  # the command, launcher, gunicorn, workers
        serve.process.kill()
        eventually(lambda: serve.processes() == [])


def test_serve_shows_its_latency_line_and_the_lines_of_the_server(laptop: Laptop, models: Path) -> None:
    file = written(laptop_folder(laptop), mlapi({"observability": {"logRequests": "Metadata"}}))
    with laptop.mlapi("serve", "-f", file, "--model", models / "digits.onnx", "--port", "0") as serve:
        serve.ready().shown_requests()
        eventually(lambda: "\nwindow 300 s, requests 2, per minute" in serve.output)
        assert '"route":"predict"' in serve.output.replace(" ", "")


def laptop_folder(laptop: Laptop) -> Path:
    return Path(laptop.environment["HOME"])


@pytest.mark.parametrize(
    ("change", "arguments", "code", "words"),
    [
        ({}, ["--model", "broken.onnx"], 1, "broken.onnx: onnxruntime"),
        ({}, ["--model", "none.onnx"], 2, "none.onnx is no file"),
        (model(sha256="0" * 64), ["--model", "digits.onnx"], 1, "wanted 0000"),
        ({"replicas": "2"}, [], 1, "MLApi digits: spec.replicas: found '2', wanted an integer"),
        (
            {"env": [{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "hub", "key": "token"}}}]},
            ["--model", "digits.onnx"],
            1,
            "TOKEN is key token of the Secret hub: there is none without a cluster; set it yourself",
        ),
        (provided(framework("FastAPI", app="shop:app")), [], 2, "spec.framework.app: shop:app is code of"),
        (
            provided(framework("FastAPI", app="shop:app")),
            ["--source", "."],
            2,
            "found neither shop.py nor a folder shop",
        ),
        (
            provided(model(format="Python", handler="failing:Failing")),
            ["--model", "digits.onnx", "--source", "."],
            1,
            "failing:Failing.load",
        ),
        (
            model(uri="pvc://models/digits/1/digits.onnx"),
            [],
            2,
            "pvc://models/digits/1/digits.onnx is on the PersistentVolumeClaim models of a cluster, which is "
            "not here; --model FILE takes a file of this machine instead",
        ),
        ({}, ["--host", "192.0.2.1", "--port", "8080"], 1, "--host takes an address of this machine"),
        ({}, ["--port", "80000"], 2, "wanted a number from 0 to 65535"),
        ({}, ["--name", "other"], 2, "--name: found other, wanted one of digits"),
    ],
)  # fmt: skip
def test_serve_that_cannot_work_says_what_to_do(
    change: Object, arguments: list[str], code: int, words: str, laptop: Laptop, models: Path
) -> None:
    folder = laptop_folder(laptop)
    for file in models.iterdir():
        (folder / file.name).symlink_to(file)
    (folder / "failing.py").write_text(
        "class Failing:\n    def load(self, path):\n        raise RuntimeError('no such layer')\n"
        "    def predict(self, inputs):\n        return inputs\n"
    )
    with laptop.mlapi("serve", "-f", written(folder, mlapi(change)), "--port", "0", *arguments) as serve:
        found, output = serve.ended()
        assert (found, serve.processes()) == (code, [])
        assert words in output
        # A traceback shows the way through the user's own code alone.
        assert "Traceback" not in output or "failing.py" in output
        assert "Traceback" not in output.splitlines()[-1]


def test_serve_on_a_busy_port_names_it(laptop: Laptop, models: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        manifest = EXAMPLES / "digits-fastapi.yaml"
        with laptop.mlapi("serve", "-f", manifest, "--port", str(port)) as serve:
            code, output = serve.ended()
    assert (code, output) == (
        1,
        f"mlapi: port {port} of 127.0.0.1 is taken by another process; name another one with --port\n",
    )


def test_serve_without_the_package_index_says_who_is_asked(tmp_path: Path) -> None:
    cache = owned(tmp_path / "cache")
    index = {
        "UV_DEFAULT_INDEX": "https://127.0.0.1:9/simple",
        "UV_CACHE_DIR": str(cache),
        "UV_HTTP_RETRIES": "0",
    }
    manifest = EXAMPLES / "digits-litestar.yaml"
    with Laptop(tmp_path / "home", cache).mlapi("serve", "-f", manifest, "--port", "0", **index) as serve:
        code, output = serve.ended()
    assert code == 1
    assert "The package index is asked once per framework: is it reachable?" in output
    assert "Traceback" not in output


@dataclass(frozen=True)
class Source:
    """An https server with a private authority."""

    address: str
    authority: Path
    log: Path


@pytest.fixture
def source(tmp_path: Path, models: Path) -> Iterator[Source]:
    folder, port = tmp_path / "tls", free_port()
    folder.mkdir()
    tls = issue("localhost", datetime.now(UTC))
    for name, content in (("ca", tls.authority), ("tls.crt", tls.certificate), ("tls.key", tls.key)):
        (folder / name).write_bytes(content)
    command = [sys.executable, "-m", "e2e.file_server", str(port), str(models), str(folder)]
    log = folder / "log"
    with log.open("wb") as output:
        server = subprocess.Popen(command, cwd=ROOT, stdout=output)
    try:
        eventually(lambda: _listens(port))
        yield Source(f"localhost:{port}", folder / "ca", log)
    finally:
        server.kill()
        server.wait()


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_serve_fetches_the_model_once_and_asks_later_whether_it_changed(
    source: Source, laptop: Laptop, models: Path
) -> None:
    uri = f"https://{source.address}/digits.onnx"
    plain = written(owned(laptop_folder(laptop) / "plain"), mlapi(model(uri=uri)))
    sha256 = hashlib.sha256((models / "digits.onnx").read_bytes()).hexdigest()
    pinned = written(owned(laptop_folder(laptop) / "pinned"), mlapi(model(uri=uri, sha256=sha256)))
    for manifest in (plain, plain, pinned):
        with laptop.mlapi(
            "serve", "-f", manifest, "--port", "0", SSL_CERT_FILE=str(source.authority)
        ) as serve:
            assert serve.ready().shown_requests()["/predict"].status_code == 200
    statuses = [yaml.safe_load(line)["status"] for line in source.log.read_text().splitlines()]
    assert statuses == [200, 304, 200]


@pytest.mark.parametrize(
    ("path", "trusted", "words"),
    [
        ("none.onnx", True, "none.onnx answered 404; --model FILE takes a file of this machine instead"),
        ("digits.onnx", False, "under `mlapi serve` by SSL_CERT_FILE"),
    ],
)
def test_serve_that_cannot_fetch_the_model_says_why(
    path: str, trusted: bool, words: str, source: Source, laptop: Laptop
) -> None:
    manifest = written(laptop_folder(laptop), mlapi(model(uri=f"https://{source.address}/{path}")))
    trust = {"SSL_CERT_FILE": str(source.authority)} if trusted else {}
    with laptop.mlapi("serve", "-f", manifest, "--port", "0", **trust) as serve:
        code, output = serve.ended()
    assert code == 1
    assert words in output
    assert "Traceback" not in output


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give the account away")
def test_commands_of_these_tests_run_as_a_plain_account(gated: Gated, laptop: Laptop) -> None:
    with laptop.mlapi(*gated.arguments) as serve:
        serve.ready()
        owners = {os.stat(f"/proc/{pid}").st_uid for pid in serve.processes()}
    assert owners == {NOBODY}
