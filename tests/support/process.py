"""The operator as a process of its own."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from e2e.cluster.ports import free_port

IMAGE = "registry.example.com/mlapi-fastapi@sha256:" + "0123456789abcdef" * 4


class OperatorProcess:
    """`python -m mlapi_operator`, with what it logged."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, log: Path) -> None:
        self._process = process
        self._port = port
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def resident_bytes(self) -> int:
        fields = Path(f"/proc/{self._process.pid}/statm").read_text().split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")

    @property
    def has_ended(self) -> bool:
        return self._process.returncode is not None

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def ended(self, seconds: float = 60) -> int:
        """The exit code, once there is one."""
        async with asyncio.timeout(seconds):
            return await self._process.wait()

    async def ask(self, path: str) -> tuple[int, str]:
        """Status and text of a page of its health server; status 0 while it does not listen."""
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.get(
                    f"http://127.0.0.1:{self._port}{path}", timeout=aiohttp.ClientTimeout(5)
                ) as answer,
            ):
                return answer.status, await answer.text()
        except aiohttp.ClientConnectionError:
            return 0, ""

    async def ready(self) -> bool:
        return (await self.ask("/readyz"))[0] == 200


@asynccontextmanager
async def operator_process(
    kubeconfig: Path, namespace: str, folder: Path, name: str, **settings: str
) -> AsyncIterator[OperatorProcess]:
    """One that runs until the end of the block, unless it ends before.

    Args:
        namespace: where its Lease is.
        settings: environment variables without their MLAPI_.
    """
    port = free_port()
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MLAPI_")}
    environment |= {
        "KUBECONFIG": str(kubeconfig),
        "POD_NAMESPACE": namespace,
        "POD_NAME": name,
        "PYTHONPATH": os.pathsep.join(["operator", "images/runtime"]),
        "MLAPI_PORT": str(port),
        "MLAPI_IMAGES_FASTAPI": IMAGE,
        "MLAPI_LEASE_DURATION_SECONDS": "10",
        "MLAPI_LEASE_RENEW_SECONDS": "3",
        **{f"MLAPI_{key}": value for key, value in settings.items()},
    }
    log = folder / f"{name}.log"
    with log.open("w") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "mlapi_operator", env=environment, stdout=output, stderr=output
        )
    try:
        yield OperatorProcess(process, port, log)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
