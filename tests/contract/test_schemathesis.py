"""Whatever a client makes of an OpenAPI document, or of a good request's bytes: documented answers alone."""

import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import numpy as np
import pytest

from tests.contract.conftest import FRAMEWORKS
from tests.support.onnx_models import many_types, written
from tests.support.serving import Pod, configuration, eventually

MEBIBYTE = 1 << 20
MAX_GROWTH = 24 * MEBIBYTE  # a kilobyte kept of every second request would be more
# JSON Schema has 1.0 for an integer, the datatypes of tensors do not: documented as 422.
CHECKS = ("--checks=all", "--exclude-checks=positive_data_acceptance")
PROBLEM = "application/problem+json"
LENGTH = "inference-header-content-length"
TOKENS = (
    *(b"[", b"]", b"{", b"}", b'"', b",", b":", b"-", b"null", b"NaN", b"1e400", b"\\ud800"),
    b"9" * 400,
    b"[" * 2000,
)


@pytest.fixture(scope="module", params=FRAMEWORKS)
def pod(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pod]:
    """Serves strings, bools, unsigned bytes and floats, three of each."""
    folder = tmp_path_factory.mktemp("pod")
    model = written(folder, "digits.onnx", many_types(3))
    with Pod(folder, configuration(model, framework=request.param)) as pod:
        yield pod.started()


def drive(pod: Pod, folder: Path, examples: int, *options: str) -> None:
    """Has schemathesis test what the pod's OpenAPI document says; it tells what it found."""
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{pod.url}/openapi.json", *CHECKS]
    limits = ("--phases=coverage,fuzzing", f"--max-examples={examples}", "--request-timeout=10", "--no-color")
    outcome = subprocess.run([*command, *limits, *options], cwd=folder, capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def test_openapi_document_holds_for_whatever_is_made_of_it(pod: Pod, tmp_path: Path) -> None:
    drive(pod, tmp_path, 500, "--seed=1")
    assert not any(status == "5xx" for _, status in pod.counted())


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_openapi_document_driven_for_long_keeps_memory_and_descriptors(pod: Pod, tmp_path: Path) -> None:
    drive(pod, tmp_path, 1000)
    with unchanged(pod):
        drive(pod, tmp_path, 10_000)
    assert not any(status == "5xx" for _, status in pod.counted())


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_mutated_bytes_are_answered_in_time_and_keep_memory_and_descriptors(pod: Pod) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    draw = random.Random(seed)
    statuses: Counter[int] = Counter()
    with httpx.Client(base_url=pod.url, timeout=10) as client:
        mutate(client, draw, 2000, statuses)
        with unchanged(pod):
            mutate(client, draw, 10_000, statuses)
    assert statuses[200]  # some mutations leave the request as good as it was
    assert statuses[400] > 1000
    assert set(statuses) <= {200, 400, 415, 422}


def mutate(client: httpx.Client, draw: random.Random, requests: int, statuses: Counter[int]) -> None:
    seeds = (native(), infer(), infer_binary())
    for _ in range(requests):
        path, headers, body = draw.choice(seeds)
        body = mutated(draw, body)
        if LENGTH in headers and draw.random() < 0.3:
            headers = {LENGTH: str(draw.randrange(-9, 2 * len(body) + 1))}
        answer = client.post(path, content=body, headers=headers)
        statuses[answer.status_code] += 1
        assert answer.status_code in (200, 400, 415, 422), (answer.text, path, headers, body)
        if answer.status_code != 200:
            native_route = path == "/predict"
            assert answer.headers["content-type"] == (PROBLEM if native_route else "application/json")
            assert answer.json()["detail" if native_route else "error"]


def mutated(draw: random.Random, body: bytes) -> bytes:
    """One to four changes: bytes set, cut out, doubled, moved, or put in between."""
    changes: tuple[Callable[[bytearray, int, int], None], ...] = (
        lambda data, at, to: data.__setitem__(at, draw.randrange(256)),
        lambda data, at, to: data.__delitem__(slice(at, to)),
        lambda data, at, to: data.__setitem__(slice(at, at), data[at:to]),
        lambda data, at, to: data.extend(data[at:to]),
        lambda data, at, to: data.__setitem__(slice(at, at), draw.randbytes(to - at)),
        lambda data, at, to: data.__setitem__(slice(at, at + 1), draw.choice(TOKENS)),
    )
    data = bytearray(body)
    for _ in range(draw.choice((1, 1, 1, 4))):
        if data:
            at = draw.randrange(len(data))
            draw.choice(changes)(data, at, min(len(data), at + draw.randint(1, 40)))
    return bytes(data)


@contextmanager
def unchanged(pod: Pod) -> Iterator[None]:
    """What happens inside costs the workers neither memory for ever nor file descriptors."""
    workers = pod.workers()
    memory, descriptors = resident_bytes(workers), open_files(workers)
    yield
    assert pod.workers() == workers
    eventually(lambda: open_files(workers) == descriptors)
    assert resident_bytes(workers) - memory < MAX_GROWTH


def resident_bytes(pids: list[int]) -> int:
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    return pages * os.sysconf("SC_PAGE_SIZE")


def open_files(pids: list[int]) -> int:
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids)


# Input -> datatype, values in JSON, the same in binary.
INPUTS: dict[str, tuple[str, list[Any], bytes]] = {
    "text.in": ("BYTES", ["a", "", "\u00e4"], b"\x01\0\0\0a" + bytes(4) + b"\x02\0\0\0\xc3\xa4"),
    "flag:0": ("BOOL", [True, False, True], bytes([1, 0, 1])),
    "byte": ("UINT8", [0, 7, 255], bytes([0, 7, 255])),
    "root": ("FP32", [0, 1.5, 4e3], np.array([0, 1.5, 4e3], dtype="<f4").tobytes()),
}


def native() -> tuple[str, dict[str, str], bytes]:
    body = msgspec.json.encode({name: values for name, (_, values, _) in INPUTS.items()})
    return "/predict", {"content-type": "application/json"}, body


def infer() -> tuple[str, dict[str, str], bytes]:
    inputs = [
        {"name": name, "datatype": datatype, "shape": [3], "data": values}
        for name, (datatype, values, _) in INPUTS.items()
    ]
    return "/v2/models/digits/infer", {}, msgspec.json.encode({"id": "a", "inputs": inputs})


def infer_binary() -> tuple[str, dict[str, str], bytes]:
    inputs = [
        {"name": name, "datatype": datatype, "shape": [3], "parameters": {"binary_data_size": len(raw)}}
        for name, (datatype, _, raw) in INPUTS.items()
    ]
    document = msgspec.json.encode({"inputs": inputs, "parameters": {"binary_data_output": True}})
    body = document + b"".join(raw for _, _, raw in INPUTS.values())
    return "/v2/models/digits/infer", {LENGTH: str(len(document))}, body
