"""/healthz, /readyz and /metrics of the operator's own pod."""

from collections.abc import Callable
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from mlapi_operator.protocol import Clock

Check = Callable[[], str | None]
"""Answers what is wrong, None when nothing is."""

LAG_INTERVAL_SECONDS: Final = 1.0
LAG_LIMIT_SECONDS: Final = 5.0


class Health:
    """Two lists of checks, and the server that answers by them from the start of the process."""

    def __init__(self) -> None:
        self.live: dict[str, Check] = {}
        self.ready: dict[str, Check] = {}
        self._runner: web.AppRunner | None = None

    async def start(self, port: int, host: str | None = None) -> int:
        """Listens; answers with the port, which is a free one when 0 was asked for.

        Raises:
            OSError: the port is taken.
        """
        app = web.Application()
        app.router.add_get("/healthz", page(self.live))
        app.router.add_get("/readyz", page(self.ready))
        app.router.add_get("/metrics", metrics)
        self._runner = web.AppRunner(app, access_log=None, keepalive_timeout=15.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        return int(self._runner.addresses[0][1])

    async def close(self) -> None:
        if self._runner:
            await self._runner.cleanup()


class LoopLag:
    """How late the event loop runs what is due, over the last interval."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lag = 0.0

    async def run(self) -> None:
        while True:
            due = self._clock.monotonic() + LAG_INTERVAL_SECONDS
            await self._clock.sleep(LAG_INTERVAL_SECONDS)
            self._lag = self._clock.monotonic() - due

    def check(self) -> str | None:
        late = self._lag > LAG_LIMIT_SECONDS
        return f"the event loop runs {self._lag:.1f} s late" if late else None


def page(checks: dict[str, Check]) -> Handler:
    """Answers 200 `ok`, or 503 with a line for each check that found something."""

    async def answer(request: web.Request) -> web.Response:
        found = {name: wrong for name, check in checks.items() if (wrong := check())}
        lines = "".join(f"{name}: {wrong}\n" for name, wrong in found.items())
        return web.Response(status=503 if found else 200, text=lines or "ok\n")

    return answer


async def metrics(request: web.Request) -> web.Response:
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
