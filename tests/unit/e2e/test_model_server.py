"""The model server of demo and scenarios: what a client that checks certificates strictly gets from it."""

import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest

from e2e.file_server import Server
from e2e.model_server import issue

CONTENT = bytes(range(256)) * 1000


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("models")
    files = folder / "files"
    files.mkdir()
    (files / "model.onnx").write_bytes(CONTENT)
    tls = issue("localhost", datetime.now(UTC))
    for name, pem in (("ca", tls.authority), ("crt", tls.certificate), ("key", tls.key)):
        (folder / name).write_bytes(pem)
    with Server(("127.0.0.1", 0), files, folder / "crt", folder / "key") as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        trust = ssl.create_default_context(cafile=folder / "ca")
        trust.verify_flags |= ssl.VERIFY_X509_STRICT
        base = f"https://localhost:{server.server_address[1]}"
        with httpx.Client(base_url=base, verify=trust, trust_env=False) as client:
            yield client
        server.shutdown()


def test_file_without_a_range_is_sent_whole(client: httpx.Client) -> None:
    answer = client.get("/model.onnx")
    assert (answer.status_code, answer.content) == (200, CONTENT)


def test_file_with_a_range_of_the_same_version_is_continued(client: httpx.Client) -> None:
    etag = client.head("/model.onnx").headers["etag"]
    answer = client.get("/model.onnx", headers={"Range": "bytes=1000-", "If-Range": etag})
    assert (answer.status_code, answer.content) == (206, CONTENT[1000:])
    assert answer.headers["content-range"] == f"bytes 1000-{len(CONTENT) - 1}/{len(CONTENT)}"


def test_file_with_a_range_of_another_version_is_sent_whole(client: httpx.Client) -> None:
    answer = client.get("/model.onnx", headers={"Range": "bytes=1000-", "If-Range": '"another"'})
    assert (answer.status_code, answer.content) == (200, CONTENT)


def test_file_with_a_range_beyond_its_end_is_refused(client: httpx.Client) -> None:
    answer = client.get("/model.onnx", headers={"Range": f"bytes={len(CONTENT)}-"})
    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{len(CONTENT)}")


def test_cut_path_breaks_off_once_and_is_whole_afterwards(client: httpx.Client) -> None:
    with pytest.raises(httpx.RemoteProtocolError, match="received 1000 bytes"):
        client.get("/cut/1000/once/model.onnx")
    assert client.get("/cut/1000/once/model.onnx").content == CONTENT


@pytest.mark.parametrize(
    ("path", "status", "length"),
    [
        ("/missing.onnx", 404, 0),
        ("/status/503/model.onnx", 503, 0),
        ("/zeros/5000/any.onnx", 200, 5000),
        ("/slow/1000000/model.onnx", 200, len(CONTENT)),
        ("/a/word/between/model.onnx", 200, len(CONTENT)),
    ],
)
def test_path_with_a_fault_is_answered_so(path: str, status: int, length: int, client: httpx.Client) -> None:
    answer = client.get(path)
    assert (answer.status_code, len(answer.content)) == (status, length)


def test_redirect_path_leads_to_the_named_host(client: httpx.Client) -> None:
    answer = client.get("/redirect/169.254.169.254/model.onnx")
    assert (answer.status_code, answer.headers["location"]) == (302, "https://169.254.169.254/model.onnx")
