"""Serves the files of one folder over https, with the faults that the path asks for.

Runs inside the cluster on the standard library alone. The last part of the path names the file. The first
may name a fault; what lies between them is free, so that each caller can have a path of its own:

    /digits.onnx                          the file, with Range, ETag and If-None-Match
    /status/<code>/.../digits.onnx        this status code, no file
    /cut/<bytes>/.../digits.onnx          the first answer to this very path breaks off after so many bytes
    /slow/<bytes per second>/.../digits.onnx
    /redirect/<host>/.../digits.onnx      302 to https://<host>/digits.onnx
    /zeros/<bytes>/.../any.onnx           so many zero bytes

One JSON line per request goes to stdout: path, range asked for, status, bytes sent.
"""

import hashlib
import json
import re
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

_CHUNK_BYTES: Final = 65536
_SLICES_PER_SECOND: Final = 10
_RANGE: Final = re.compile(r"bytes=(\d+)-(\d*)")


@dataclass(frozen=True, slots=True)
class Content:
    """What a path stands for: its bytes from `start` up to `stop`, and its entity tag."""

    size: int
    etag: str
    read: Callable[[int, int], bytes]


def file(path: Path) -> Content:
    data = path.read_bytes()
    return Content(len(data), f'"{hashlib.sha256(data).hexdigest()}"', lambda start, stop: data[start:stop])


def zeros(size: int) -> Content:
    return Content(size, f'"zeros-{size}"', lambda start, stop: bytes(stop - start))


def span(header: str, size: int) -> tuple[int, int] | None:
    """The bytes that a Range header asks for, as start and stop; None: nothing of `size` bytes is in it."""
    first, last = header.removeprefix("bytes=").split("-")
    start = int(first)
    stop = min(int(last) + 1, size) if last else size
    return (start, stop) if start < stop else None


class Server(ThreadingHTTPServer):
    """One folder behind one certificate."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], folder: Path, certificate: Path, key: Path) -> None:
        super().__init__(address, Handler)
        self.folder = folder
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self._cut: set[str] = set()
        self._lock = threading.Lock()

    def get_request(self) -> tuple[socket.socket, object]:
        plain, peer = super().get_request()
        plain.settimeout(60)
        # The handshake happens in the connection's own thread: a silent client must not hold up the others.
        return self._context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False), peer

    def first_time(self, path: str) -> bool:
        with self._lock:
            known = path in self._cut
            self._cut.add(path)
            return not known

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exception(), OSError):  # clients that hang up are no news
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        sent, status = 0, 500
        try:
            status, sent = self._answer()
        finally:
            line = {"path": self.path, "range": self.headers.get("Range"), "status": status, "bytes": sent}
            print(json.dumps(line), flush=True)

    do_HEAD = do_GET  # noqa: N815  the base class looks for this name

    def _answer(self) -> tuple[int, int]:
        parts = unquote(urlsplit(self.path).path).strip("/").split("/")
        name = parts[-1]
        fault, argument = parts[:2] if len(parts) > 2 else ("", "")
        if fault == "status":
            return self._empty(int(argument))
        if fault == "redirect":
            return self._empty(302, Location=f"https://{argument}/{name}")
        if fault == "zeros":
            return self._send(zeros(int(argument)))
        path = self.server.folder / name
        if not path.is_file():
            return self._empty(404)
        if fault == "slow":
            return self._send(file(path), rate=int(argument))
        if fault == "cut" and self.server.first_time(self.path):
            return self._send(file(path), cut=int(argument))
        return self._send(file(path))

    def _empty(self, status: int, **headers: str) -> tuple[int, int]:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()
        return status, 0

    def _send(self, content: Content, rate: int = 0, cut: int = -1) -> tuple[int, int]:
        asked = self.headers.get("Range", "")
        if self.headers.get("If-None-Match") == content.etag:
            return self._empty(304)
        status, wanted = 200, (0, content.size)
        # A range of another version than the caller's would join two files into one.
        if _RANGE.fullmatch(asked) and self.headers.get("If-Range", content.etag) == content.etag:
            within = span(asked, content.size)
            if within is None:
                return self._empty(416, **{"Content-Range": f"bytes */{content.size}"})
            status, wanted = 206, within
        start, stop = wanted
        self.send_response(status)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(stop - start))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", content.etag)
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{content.size}")
        self.end_headers()
        if self.command == "HEAD":
            return status, 0
        if cut >= 0:
            stop = min(stop, start + cut)
            self.close_connection = True
        sent = 0
        for piece in _pieces(content, start, stop, rate):
            self.wfile.write(piece)
            sent += len(piece)
        return status, sent

    def log_message(self, format: str, *args: object) -> None:
        """One line per request is enough: do_GET's."""


def _pieces(content: Content, start: int, stop: int, rate: int) -> Iterator[bytes]:
    step = max(1, rate // _SLICES_PER_SECOND) if rate else _CHUNK_BYTES
    for position in range(start, stop, step):
        yield content.read(position, min(position + step, stop))
        if rate:
            time.sleep(step / rate)


def main() -> None:
    """Arguments: port, folder of the files, folder with tls.crt and tls.key."""
    port, folder, tls = int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
    Server(("", port), folder, tls / "tls.crt", tls / "tls.key").serve_forever()


if __name__ == "__main__":
    main()
