"""Answers for the pods on fake nodes, each at its own address: `python -m e2e.fake_pods --help`.

Runs in the network in which all their addresses are local. Which pod is meant is told by the address that was
called, and what it is to do by its annotations, asked of the API server with each request.
"""

import argparse
import asyncio
import random
import ssl
import time
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp import web

from e2e.fake_pods_part import Object, Part
from mlapi_stats import document

HTTP_PORT: Final = 8080
ADMIN_PORT: Final = 9090
REVISION: Final = "X-MLApi-Revision"


class FakePods:
    """All fake pods.

    Args:
        session: to the API server.
    """

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def part(self, request: web.Request) -> Part:
        """What the pod that was called is to play.

        Raises:
            web.HTTPException: there is no such pod, or its annotations cannot be read.
        """
        assert request.transport is not None
        address: str = request.transport.get_extra_info("sockname")[0]
        # From the API server's cache, as the one that asks here has it.
        query = {"fieldSelector": f"status.podIP={address}", "resourceVersion": "0"}
        async with self._session.get("/api/v1/pods", params=query) as answer:
            answer.raise_for_status()
            pods: list[Object] = (await answer.json())["items"]
        if len(pods) != 1:
            raise web.HTTPBadGateway(text=f"{len(pods)} pods have the address {address}")
        try:
            return Part.of(pods[0])
        except ValueError as error:
            raise web.HTTPBadGateway(text=str(error)) from error

    async def smoke(self, request: web.Request) -> web.Response:
        part = await self.part(request)
        if part.ready_at is None:
            failed = {"status": "fail", "message": "the model is not loaded"}
            return web.json_response(failed, status=503, headers={REVISION: part.revision})
        return web.json_response({"status": "pass"}, headers={REVISION: part.revision})

    async def predict(self, request: web.Request) -> web.Response:
        part = await self.part(request)
        await request.read()
        await asyncio.sleep(part.latency_seconds)
        failed = random.uniform(0, 100) < part.error_percent
        status = 500 if failed else 503 if part.ready_at is None else 200
        return web.json_response(
            {"revision": part.revision}, status=status, headers={REVISION: part.revision}
        )

    async def stats(self, request: web.Request) -> web.Response:
        part = await self.part(request)
        if not part.loading:
            raise web.HTTPServiceUnavailable(text="the server does not run")
        return web.Response(body=document.encode(part.stats(time.time())), content_type="application/json")

    async def progress(self, request: web.Request) -> web.Response:
        await self.part(request)
        total = 22720
        report = {"state": "Downloading", "doneBytes": total // 2, "totalBytes": total}
        return web.json_response({**report, "bytesPerSecond": total, "remainingSeconds": 1})


async def alive(request: web.Request) -> web.Response:
    return web.Response(text="ok")


async def serve(server: str, trust: ssl.SSLContext) -> None:
    """Answers until cancelled.

    Args:
        server: URL of the API server.
    """
    connector = aiohttp.TCPConnector(ssl=trust)
    async with aiohttp.ClientSession(server, connector=connector) as session:
        pods = FakePods(session)
        http, admin = web.Application(), web.Application()
        http.router.add_get("/_mlapi/smoke", pods.smoke)
        http.router.add_post("/{path:.*}", pods.predict)
        admin.router.add_get("/livez", alive)
        admin.router.add_get("/_mlapi/stats", pods.stats)
        admin.router.add_get("/_mlapi/progress", pods.progress)
        for application, port in ((http, HTTP_PORT), (admin, ADMIN_PORT)):
            runner = web.AppRunner(application, access_log=None)
            await runner.setup()
            await web.TCPSite(runner, "0.0.0.0", port).start()
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m e2e.fake_pods", description=__doc__)
    parser.add_argument("--server", required=True, metavar="URL", help="of the API server")
    parser.add_argument("--pki", required=True, type=Path, metavar="FOLDER", help="with ca.crt")
    parser.add_argument("--user", required=True, metavar="NAME", help="NAME.crt and NAME.key in that folder")
    arguments = parser.parse_args()
    pki: Path = arguments.pki
    trust = ssl.create_default_context(cafile=str(pki / "ca.crt"))
    trust.load_cert_chain(pki / f"{arguments.user}.crt", pki / f"{arguments.user}.key")
    asyncio.run(serve(arguments.server, trust))


if __name__ == "__main__":
    main()
