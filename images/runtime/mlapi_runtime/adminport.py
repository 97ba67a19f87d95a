"""The admin port, which the Service does not expose: a few pages, each a function without arguments."""

import socket
import sys
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any

Page = tuple[int, str, bytes]  # status, content type, body
Routes = Mapping[str, Callable[[], Page]]


def serve(host: str, port: int, routes: Routes) -> None:
    """Answers GET at this address from a thread of its own, for as long as the process lives."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30  # of a connection that says nothing

        def do_GET(self) -> None:
            page = routes.get(self.path.partition("?")[0])
            status, content_type, body = page() if page else (404, "text/plain", b"not found\n")
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Probes are no news."""

    # Not http.server's own, which asks the DNS for the name of its address.
    class Server(ThreadingMixIn, TCPServer):
        allow_reuse_address = True
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, request: Any, client_address: Any) -> None:
            if not isinstance(
                sys.exception(), ConnectionError
            ):  # a probe that was given up is no news either
                super().handle_error(request, client_address)

    server = Server((host, port), Handler)
    threading.Thread(target=server.serve_forever, name="admin", daemon=True).start()
