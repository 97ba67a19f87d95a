"""Ports of this machine."""

import contextlib
import errno
import random
import socket
from typing import Final

LOOPBACK: Final = "127.0.0.1"
_WILDCARDS: Final = {"0.0.0.0": LOOPBACK, "::": "::1"}  # noqa: S104 - where a server is met that listens there


def objection(host: str, port: int) -> str:
    """Why a server cannot listen there, and what to do; empty if it can."""
    try:
        _listen(host, port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return f"port {port} of {host} is taken by another process; name another one with --port"
        if error.errno == errno.EACCES:
            return f"port {port} is for root alone; name one above 1023 with --port"
        return f"cannot listen on {host}: {error.strerror}; --host takes an address of this machine"
    return ""


def free(host: str) -> int:
    """A port that nobody listens on.

    It lies below those that the kernel gives to outgoing connections: nobody gets it in between by chance.
    """
    while True:
        port = random.randrange(10_000, 30_000)  # noqa: S311
        with contextlib.suppress(OSError):
            _listen(host, port)
            return port


def reachable(host: str) -> str:
    """The address at which a server of this machine answers that listens on `host`."""
    return _WILDCARDS.get(host, host)


def url(host: str, port: int) -> str:
    """The same as the beginning of a URL."""
    name = reachable(host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def _listen(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family):
        pass
