"""Ports for servers that tests start."""

import contextlib
import random
import socket


def free_port(address: str = "127.0.0.1") -> int:
    """A TCP port that nobody listens on at this address.

    It lies below those that the kernel gives to connections going out (32768 and more), as a server that is
    restarted at its port would find it taken by a client that knocks meanwhile, even by its own: TCP
    connects a socket to itself when it happens to draw the port it asks for.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    while True:
        port = random.randrange(10_000, 30_000)  # node ports follow
        with socket.socket(family) as listener, contextlib.suppress(OSError):
            listener.bind((address, port))
            return port
