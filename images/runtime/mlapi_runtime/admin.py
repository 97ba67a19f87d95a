"""The admin port, which the Service does not expose: probes, metrics, the stats document."""

import socket
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from mlapi_runtime import health
from mlapi_runtime.config import Config
from mlapi_runtime.places import any_address
from mlapi_runtime.shared import CANCELLED, Shared
from mlapi_runtime.stats import stats, total
from mlapi_stats.document import encode

Page = tuple[int, str, bytes]  # status, content type, body
Routes = Mapping[str, Callable[[], Page]]


def serve(port: int, routes: Routes) -> None:
    """Answers GET on `port` from a thread of its own, for as long as the process lives."""

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

    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in any_address() else socket.AF_INET
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, request: object, client_address: object) -> None:
            """A probe that was given up is no news either; the next one tells."""

    server = Server((any_address(), port), Handler)
    threading.Thread(target=server.serve_forever, name="admin", daemon=True).start()


def routes(config: Config, shared: Shared, start_time: float) -> Routes:
    """The pages of a serving pod; see `stats.stats` for the arguments."""

    def probe(objection: Callable[[], str]) -> Callable[[], Page]:
        def page() -> Page:
            reason = objection()
            return (503, "text/plain", f"{reason}\n".encode()) if reason else (200, "text/plain", b"ok\n")

        return page

    def metrics() -> Page:
        from mlapi_runtime.metrics import text  # only where somebody scrapes

        body = text(stats(config, shared, start_time), total(shared, CANCELLED))
        return 200, "text/plain; version=0.0.4; charset=utf-8", body

    return {
        "/livez": probe(lambda: health.dead(shared, time.monotonic_ns())),
        "/readyz": probe(lambda: health.unready(shared, time.monotonic_ns())),
        "/startupz": probe(lambda: health.unstarted(shared)),
        "/metrics": metrics,
        "/_mlapi/stats": lambda: (200, "application/json", encode(stats(config, shared, start_time))),
    }
