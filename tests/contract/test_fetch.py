"""The init container brings the very file, or finds it on its claim, or says why not.

The server is real, on TLS, and may misbehave.
"""

import hashlib

# ruff: noqa: E501 - the failures are a table
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from e2e.cluster.ports import free_port
from e2e.model_server import issue
from tests.support.serving import eventually

MODEL = random.Random(1).randbytes(3_000_000)
SHA256 = hashlib.sha256(MODEL).hexdigest()
# What no container of ours has: the right to read every file.
CAPABILITIES = "-dac_override,-dac_read_search"
PLAIN_USER = ["setpriv", "--bounding-set", CAPABILITIES, "--"] if os.geteuid() == 0 else []


@dataclass(frozen=True)
class Source:
    """A server of files that is called localhost."""

    address: str
    authority: Path
    requests: Path

    def asked(self, path: str) -> list[dict[str, Any]]:
        """The requests for `path`, as the server logged them."""
        lines = [json.loads(line) for line in self.requests.read_text().splitlines()]
        return [line for line in lines if line["path"] == path]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    folder = tmp_path_factory.mktemp("source")
    (folder / "m.onnx").write_bytes(MODEL)
    tls = issue("localhost", datetime.now(UTC))
    for name, content in (("ca", tls.authority), ("crt", tls.certificate), ("key", tls.key)):
        (folder / name).write_bytes(content)
    requests = folder / "requests"
    port = free_port()
    script = (
        "import sys; from pathlib import Path; from e2e.file_server import Server; d = Path(sys.argv[2]); "
    )
    script += "Server(('127.0.0.1', int(sys.argv[1])), d, d / 'crt', d / 'key').serve_forever()"
    with requests.open("wb") as log:
        server = subprocess.Popen([sys.executable, "-c", script, str(port), str(folder)], stdout=log)
    try:
        eventually(lambda: _listens(port))
        yield Source(f"localhost:{port}", folder / "ca", requests)
    finally:
        server.kill()
        server.wait()


def _listens(port: int) -> bool:
    try:
        httpx.get(f"https://127.0.0.1:{port}/")
    except httpx.ConnectError as error:
        return "CERTIFICATE" in str(error)
    return True


class Fetch:
    """The init container's process, with a folder as its volume."""

    def __init__(self, folder: Path, source: Source, path: str, **order: Any) -> None:
        self.models = folder / "models"
        self.models.mkdir(exist_ok=True)
        self.file = self.models / path.rpartition("/")[2]
        self._log = folder / "termination"
        self.admin_port = free_port()
        order = {
            "uri": f"https://{source.address}{path}",
            "sha256": SHA256,
            "maxBytes": 10_000_000,
            "allowedCIDRs": ["127.0.0.0/8", "::1/128"],
            "caFile": str(source.authority),
            "directory": str(self.models),
            **order,
        }
        self._environment = {
            **os.environ,
            "MLAPI_FETCH": json.dumps(order),
            "MLAPI_ADMIN_PORT": str(self.admin_port),
            "MLAPI_TERMINATION_LOG": str(self._log),
        }

    def start(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-P", "-m", "mlapi_runtime.fetch"]
        return subprocess.Popen([*PLAIN_USER, *command], env=self._environment)

    def run(self) -> tuple[int, dict[str, Any]]:
        """Exit code and termination message."""
        code = self.start().wait(timeout=60)
        message: dict[str, Any] = json.loads(self._log.read_text())
        return code, message


def test_file_arrives_whole_and_is_told_so(tmp_path: Path, source: Source) -> None:
    fetch = Fetch(tmp_path, source, "/m.onnx")
    code, message = fetch.run()
    assert (code, message["sizeBytes"], message["sha256"]) == (0, len(MODEL), SHA256)
    assert message["seconds"] > 0
    assert fetch.file.read_bytes() == MODEL
    assert fetch.file.stat().st_mode & 0o777 == 0o644


def test_file_that_is_there_is_not_fetched_again(tmp_path: Path, source: Source) -> None:
    fetch = Fetch(tmp_path, source, "/m.onnx", sha256=None)
    assert fetch.run()[0] == 0
    # No address is permitted any more: a connection would fail.
    code, message = Fetch(tmp_path, source, "/m.onnx", sha256=None, allowedCIDRs=[]).run()
    assert (code, message["sha256"]) == (0, SHA256)
    fetch.file.write_bytes(MODEL[:-1] + b"x")  # of the right size, but not that file
    assert Fetch(tmp_path, source, "/m.onnx", allowedCIDRs=[]).run()[1]["reason"] == "AddressRefused"
    assert Fetch(tmp_path, source, "/m.onnx").run()[0] == 0
    assert fetch.file.read_bytes() == MODEL


def test_file_that_is_there_is_fetched_again_only_if_the_source_has_another(
    tmp_path: Path, source: Source
) -> None:
    """What a laptop asks for, where a pod keeps what it started with."""
    path = "/r/evalidate/m.onnx"
    fetch = Fetch(tmp_path, source, path, sha256=None, revalidate=True)
    assert [fetch.run()[0], fetch.run()[0]] == [0, 0]
    note = json.loads((fetch.models / "m.onnx.fetch").read_text())
    (fetch.models / "m.onnx.fetch").write_text(json.dumps(note | {"validator": '"an older one"'}))
    assert fetch.run()[1]["sha256"] == SHA256
    eventually(lambda: len(source.asked(path)) == 3)
    assert [(line["status"], line["bytes"]) for line in source.asked(path)] == [
        (200, len(MODEL)),
        (304, 0),
        (200, len(MODEL)),
    ]


def test_broken_connection_is_resumed_where_it_broke(tmp_path: Path, source: Source) -> None:
    path = "/cut/1000000/once/m.onnx"
    fetch = Fetch(tmp_path, source, path)
    assert fetch.run()[0] == 0
    assert fetch.file.read_bytes() == MODEL
    eventually(lambda: len(source.asked(path)) == 2)
    first, second = source.asked(path)
    assert (first["range"], second["status"]) == (None, 206)
    assert second["bytes"] == len(MODEL) - int(second["range"].removeprefix("bytes=").removesuffix("-"))


def test_restarted_container_resumes_what_the_first_one_left(tmp_path: Path, source: Source) -> None:
    path = "/slow/1000000/killed/m.onnx"
    first = Fetch(tmp_path, source, path)
    process = first.start()
    progress = f"http://127.0.0.1:{first.admin_port}/_mlapi/progress"
    eventually(lambda: _progress(progress).get("doneBytes", 0) > 500_000)
    document = _progress(progress)
    assert document["state"] == "Downloading"
    assert document["totalBytes"] == len(MODEL)
    assert document["bytesPerSecond"] > 0
    assert document["remainingSeconds"] >= 0
    process.terminate()
    assert process.wait(timeout=10) == 143
    assert Fetch(tmp_path, source, path).run()[0] == 0
    assert first.file.read_bytes() == MODEL
    eventually(lambda: 206 in [line["status"] for line in source.asked(path)])


def _progress(url: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = httpx.get(url).json()
        return found
    except httpx.TransportError:
        return {}


def test_part_of_another_version_is_not_continued(tmp_path: Path, source: Source) -> None:
    """If-Range: the server answers 200 with the whole new file, as the validator is not its own."""
    fetch = Fetch(tmp_path, source, "/m.onnx")
    (fetch.models / "m.onnx.part").write_bytes(b"old" * 1000)
    note = {"uri": f"https://{source.address}/m.onnx", "validator": '"old"', "size_bytes": 9000, "sha256": ""}
    (fetch.models / "m.onnx.fetch").write_text(json.dumps(note))
    assert fetch.run()[0] == 0
    assert fetch.file.read_bytes() == MODEL


def test_part_beyond_the_end_is_begun_anew(tmp_path: Path, source: Source) -> None:
    fetch = Fetch(tmp_path, source, "/m.onnx")
    (fetch.models / "m.onnx.part").write_bytes(MODEL)
    note = {"uri": f"https://{source.address}/m.onnx", "validator": f'"{SHA256}"'}
    (fetch.models / "m.onnx.fetch").write_text(json.dumps(note))
    assert fetch.run()[0] == 0
    assert fetch.file.read_bytes() == MODEL


def test_redirect_is_followed(tmp_path: Path, source: Source) -> None:
    fetch = Fetch(tmp_path, source, f"/redirect/{source.address}/to/m.onnx")
    assert fetch.run()[0] == 0
    assert fetch.file.read_bytes() == MODEL


@pytest.mark.parametrize(
    ("path", "order", "code", "reason", "says"),
    [
        ("/m.onnx", {"sha256": "0" * 64}, 65, "ChecksumMismatch", f"found sha256 {SHA256}, wanted 0000"),
        ("/none.onnx", {}, 65, "NotFound", "none.onnx answered 404"),
        ("/status/401/a/m.onnx", {}, 65, "AuthFailed", "answered 401"),
        ("/status/403/a/m.onnx", {}, 65, "AuthFailed", "answered 403"),
        ("/status/503/a/m.onnx", {}, 75, "SourceUnreachable", "answered 503"),
        ("/m.onnx", {"maxBytes": 2_999_999}, 65, "TooLarge", "3000000 bytes or more, the operator's fetch.maxBytes is 2999999"),
        ("/zeros/1000000000000000/a/z.onnx", {"maxBytes": 10**18}, 65, "NoSpace", "the volume has"),
        ("/m.onnx", {"allowedCIDRs": []}, 65, "AddressRefused", "localhost is at 127.0.0.1"),
        ("/m.onnx", {"allowedCIDRs": ["10.0.0.0/8"]}, 65, "AddressRefused", "fetch.allowedCIDRs"),
        ("/redirect/10.255.255.1/a/m.onnx", {}, 65, "AddressRefused", "10.255.255.1 is at 10.255.255.1"),
        ("/redirect/169.254.169.254/a/m.onnx", {}, 65, "AddressRefused", "169.254.169.254"),
        ("/m.onnx", {"caFile": None}, 75, "SourceUnreachable", "fetch.caConfigMap"),
        ("/m.onnx", {"uri": "https://no-such-host.invalid/m.onnx"}, 75, "SourceUnreachable", "cannot be resolved"),
        ("/m.onnx", {"uri": "http://localhost/m.onnx"}, 65, "AddressRefused", "only https is fetched"),
        ("/m.onnx", {"uri": "https://localhost/"}, 65, "SourceUnreachable", "$.uri"),
        ("/m.onnx", {"maxBytes": "many"}, 65, "SourceUnreachable", "$.maxBytes"),
    ],
)  # fmt: skip
def test_fetch_that_cannot_succeed_says_why(
    tmp_path: Path, source: Source, path: str, order: dict[str, Any], code: int, reason: str, says: str
) -> None:
    fetch = Fetch(tmp_path, source, path, **order)
    found, message = fetch.run()
    assert (found, message["reason"]) == (code, reason)
    assert says in message["message"]
    assert not fetch.file.exists()
    if code == 65:
        assert not list(fetch.models.glob("*.part"))


def test_secrets_in_the_address_are_not_told(tmp_path: Path, source: Source) -> None:
    uri = f"https://user:hidden@{source.address}/none.onnx?signature=hidden"
    code, message = Fetch(tmp_path, source, "/none.onnx", uri=uri).run()
    assert code == 65
    assert "hidden" not in message["message"]


class Claim(Fetch):
    """The same process with the claim `models` in place of the volume."""

    def __init__(self, folder: Path, source: Source, path: str, **order: Any) -> None:
        super().__init__(folder, source, path, **{"uri": f"pvc://models/{path}", "allowedCIDRs": [], **order})
        self.file = self.models / path

    def holds(self, content: bytes = MODEL) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_bytes(content)


def listed(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_file_on_a_claim_is_checked_and_left_as_it_is(tmp_path: Path, source: Source) -> None:
    claim = Claim(tmp_path, source, "resnet/2/m.onnx")
    claim.holds()
    code, message = claim.run()
    assert (code, message["sizeBytes"], message["sha256"]) == (0, len(MODEL), SHA256)
    assert message["seconds"] > 0
    assert listed(claim.models) == {"resnet", "resnet/2", "resnet/2/m.onnx"}


def test_file_on_a_claim_without_a_checksum_is_not_read_through(tmp_path: Path, source: Source) -> None:
    claim = Claim(tmp_path, source, "m.onnx", sha256=None, maxBytes=2**41)
    claim.file.touch()
    os.truncate(claim.file, 2**40)  # of holes: reading them would take longer than the test waits
    code, message = claim.run()
    assert (code, message["sizeBytes"], message["sha256"]) == (0, 2**40, "")


def test_checking_a_large_file_on_a_claim_tells_how_far_it_is(tmp_path: Path, source: Source) -> None:
    claim = Claim(tmp_path, source, "m.onnx", maxBytes=2**41)
    claim.file.touch()
    os.truncate(claim.file, 2**40)
    process = claim.start()
    progress = f"http://127.0.0.1:{claim.admin_port}/_mlapi/progress"
    eventually(lambda: _progress(progress).get("doneBytes", 0) > 0)
    document = _progress(progress)
    assert (document["state"], document["totalBytes"]) == ("Verifying", 2**40)
    process.terminate()
    assert process.wait(timeout=10) == 143


@pytest.mark.parametrize("link", ["../1/m.onnx", "../../1/../1/m.onnx"])
def test_link_that_stays_on_the_claim_is_followed(tmp_path: Path, source: Source, link: str) -> None:
    """As those who publish models do it: `current` leads to the version that is served."""
    Claim(tmp_path, source, "a/1/m.onnx").holds()
    Claim(tmp_path, source, "1/m.onnx").holds()
    claim = Claim(tmp_path, source, "a/current/m.onnx")
    claim.file.parent.mkdir()
    claim.file.symlink_to(link)
    assert claim.run()[0] == 0


@pytest.mark.parametrize(
    ("path", "order", "code", "reason", "says"),
    [
        ("m.onnx", {"sha256": "0" * 64}, 65, "ChecksumMismatch", f"found sha256 {SHA256}, wanted 0000"),
        ("m.onnx", {"maxBytes": 2_999_999}, 65, "TooLarge", "3000000 bytes, the operator's fetch.maxBytes is 2999999"),
        ("v2/m.onnx", {}, 65, "NotFound", "pvc://models/v2/m.onnx is not on the claim"),
        ("m.onnx/m.onnx", {}, 65, "NotFound", "pvc://models/m.onnx/m.onnx is not on the claim"),
        ("folder", {}, 65, "NotFound", "is a folder; name the file in it"),
        ("pipe", {}, 65, "NotFound", "is no regular file"),
        ("dangling", {}, 65, "NotFound", "pvc://models/dangling -> nothing.onnx is not on the claim"),
        ("circle", {}, 65, "NotFound", "circle is not on the claim: Too many levels of symbolic links"),
        ("absolute", {}, 65, "AddressRefused", "leads to /etc/hostname, out of the claim"),
        ("upwards", {}, 65, "AddressRefused", "a link on it must be relative and stay on it"),
        ("../secret", {}, 65, "AddressRefused", "/secret, out of the claim"),
        ("/etc/hostname", {}, 65, "NotFound", "is not on the claim"),
        ("secret", {}, 65, "AuthFailed", f"user {os.geteuid()} (spec.security.runAsUser names another) may not read pvc://models/secret"),
        ("", {}, 65, "SourceUnreachable", "$.uri"),
    ],
)  # fmt: skip
def test_file_on_a_claim_that_cannot_be_served_says_why(
    tmp_path: Path, source: Source, path: str, order: dict[str, Any], code: int, reason: str, says: str
) -> None:
    claim = Claim(tmp_path, source, path, **order)
    models = claim.models
    (tmp_path / "secret").write_bytes(MODEL)
    (models / "m.onnx").write_bytes(MODEL)
    (models / "secret").touch(mode=0)
    (models / "folder").mkdir()
    os.mkfifo(models / "pipe")
    for name, target in {
        "absolute": "/etc/hostname",
        "upwards": "../secret",
        "dangling": "nothing.onnx",
        "circle": "circle",
    }.items():
        (models / name).symlink_to(target)
    before = listed(models)
    found, message = claim.run()
    assert (found, message["reason"]) == (code, reason)
    assert says in message["message"]
    assert listed(models) == before
