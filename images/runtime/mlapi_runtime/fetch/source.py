"""A file on an https server: one request, with redirects followed and every status judged."""

import os
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final
from urllib.parse import quote, urljoin, urlsplit

import certifi
import httpcore

from mlapi_runtime import __version__
from mlapi_runtime.fetch.addresses import CheckedBackend, Network
from mlapi_runtime.fetch.failure import Failure

MAX_REDIRECTS: Final = 5
NOT_MODIFIED: Final = 304
REDIRECTS: Final = (301, 302, 303, 307, 308)
RANGE_NOT_SATISFIABLE: Final = 416
RESERVED: Final = "%:/?#[]@!$&'()*+,;=~"  # RFC 3986: what a URI may hold beside letters, digits and -._
TIMEOUTS: Final = {"connect": 10.0, "read": 30.0, "write": 10.0, "pool": 10.0}


class Source:
    """Connects to permitted addresses alone, over TLS; trusts the system's authorities and `ca_file`."""

    def __init__(self, allowed: Sequence[Network], ca_file: str | None) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=_tls(ca_file), network_backend=CheckedBackend(allowed)
        )

    @contextmanager
    def get(self, uri: str, start: int, validator: str, known: str = "") -> Iterator[httpcore.Response]:
        """The answer 200, 206, 304 or 416 to a GET.

        Args:
            uri: https; redirects are followed.
            start: bytes that are here already.
            validator: of the file that they belong to.
            known: validator of a file that needs no answer but 304 if it is the one there.
        Raises:
            Failure: any other answer, a refused address, a redirect to anything but https.
            httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError: worth another try.
        """
        headers = [
            (b"User-Agent", f"mlapi-fetch/{__version__}".encode()),
            (b"Accept", b"*/*"),
            (b"Accept-Encoding", b"identity"),
        ]
        if start:
            headers += [(b"Range", b"bytes=%d-" % start), (b"If-Range", validator.encode())]
        if known:
            etag = known.startswith('"')
            headers.append((b"If-None-Match" if etag else b"If-Modified-Since", known.encode()))
        for _ in range(MAX_REDIRECTS + 1):
            if urlsplit(uri).scheme != "https":
                raise Failure("AddressRefused", f"{shown(uri)}: only https is fetched")
            with self._pool.stream(
                "GET", quote(uri, safe=RESERVED), headers=headers, extensions={"timeout": TIMEOUTS}
            ) as response:
                if response.status not in REDIRECTS:
                    _judge(response, uri)
                    yield response
                    return
                uri = urljoin(uri, header(response, b"location"))
        raise Failure(
            "SourceUnreachable", f"more than {MAX_REDIRECTS} redirects, the last one to {shown(uri)}"
        )


def header(response: httpcore.Response, name: bytes) -> str:
    """Value of a header of the answer, empty if there is none."""
    return next((value.decode("latin-1") for key, value in response.headers if key.lower() == name), "")


def shown(uri: str) -> str:
    """A URI without what may be secret in it: user, password, query."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _judge(response: httpcore.Response, uri: str) -> None:
    status = response.status
    if status in (200, 206, NOT_MODIFIED, RANGE_NOT_SATISFIABLE):
        return
    if status in (401, 403):
        raise Failure("AuthFailed", f"{shown(uri)} answered {status}")
    if status in (404, 410):
        raise Failure("NotFound", f"{shown(uri)} answered {status}")
    wait = header(response, b"retry-after")
    raise Failure(
        "SourceUnreachable", f"{shown(uri)} answered {status}", float(wait) if wait.isdecimal() else 0.0
    )


def _tls(ca_file: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    system = ssl.get_default_verify_paths()
    if system.cafile is None and not (system.capath and os.listdir(system.capath)):
        context.load_verify_locations(certifi.where())  # an image without ca-certificates
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context
