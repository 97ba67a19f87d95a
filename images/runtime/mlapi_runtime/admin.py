"""The pages of a serving pod on its admin port: probes, metrics, the stats document."""

import time
from collections.abc import Callable
from typing import Final

from mlapi_runtime import health
from mlapi_runtime.adminport import Page, Routes
from mlapi_runtime.config import Config
from mlapi_runtime.shared import CANCELLED, Shared
from mlapi_runtime.stats import stats, total
from mlapi_stats.document import encode

# The kubelet asks once a second: an answer that is held until the start is over comes up to a second earlier.
# Shorter than a probe's least timeout.
HOLD_SECONDS: Final = 0.9
HOLD_STEP_SECONDS: Final = 0.01


def routes(config: Config, shared: Shared, start_time: float) -> Routes:
    """Path -> page; see `stats.stats` for the arguments."""

    def probe(objection: Callable[[], str]) -> Callable[[], Page]:
        def page() -> Page:
            reason = objection()
            return (503, "text/plain", f"{reason}\n".encode()) if reason else (200, "text/plain", b"ok\n")

        return page

    def unstarted() -> str:
        deadline = time.monotonic() + HOLD_SECONDS
        while (objection := health.unstarted(shared)) and time.monotonic() < deadline:
            time.sleep(HOLD_STEP_SECONDS)
        return objection

    def metrics() -> Page:
        from mlapi_runtime.metrics import text  # only where somebody scrapes

        body = text(stats(config, shared, start_time), total(shared, CANCELLED))
        return 200, "text/plain; version=0.0.4; charset=utf-8", body

    return {
        "/livez": probe(lambda: health.dead(shared, time.monotonic_ns())),
        "/readyz": probe(lambda: health.unready(shared, time.monotonic_ns())),
        "/startupz": probe(unstarted),
        "/metrics": metrics,
        "/_mlapi/stats": lambda: (200, "application/json", encode(stats(config, shared, start_time))),
    }
