"""A serving pod's processes on this host: the launcher, as the image starts it, on ports of its own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from e2e.cluster.ports import free_port
from mlapi_operator.cli.children import with_parent
from mlapi_runtime.places import any_address
from mlapi_stats.document import Stats, decode

START_SECONDS = 60.0
# `mlapi bench --framework-version` tests other versions: servers from an environment that holds them.
PYTHON = os.environ.get("MLAPI_TEST_PYTHON", sys.executable)


def configuration(model: Path, *, framework: str = "FastAPI", **serving: Any) -> dict[str, Any]:
    """`MLAPI_CONFIG` for a model named `digits`; `serving` replaces its values."""
    return {
        "revision": "digits-1a2b3c4d",
        "framework": framework,
        "model": {"name": "digits", "format": "Auto", "path": str(model)},
        "serving": {
            "workers": 1,
            "maxConcurrency": 100,
            "requestTimeoutSeconds": 30,
            "maxRequestBytes": 1 << 20,
            "batching": {"maxSize": 32, "maxDelayMilliseconds": 0},
            "warmupRequests": 1,
            **serving,
        },
        "logRequests": "None",
        "drainSeconds": 0,
    }


class Pod:
    """Started on entry, and gone with all its processes after it, also when the tests are killed.

    Args:
        folder: for the termination message and the log.
        config: as of `configuration`.
        prefix: a command that runs the launcher.
        source: a folder with the user's own modules.
    """

    def __init__(
        self,
        folder: Path,
        config: dict[str, Any],
        prefix: Sequence[str] = (),
        source: Path | None = None,
    ) -> None:
        self._prefix = prefix
        self._termination = folder / "termination"
        self._log = folder / "stdout"
        self._errors = folder / "stderr"
        port, admin = free_port(any_address()), free_port(any_address())
        self.url = f"http://127.0.0.1:{port}"
        self.admin = httpx.Client(base_url=f"http://127.0.0.1:{admin}", timeout=10)
        runtime = Path(__file__).parents[2] / "images" / "runtime"
        self.environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, filter(None, (runtime, source)))),
            "OMP_NUM_THREADS": "1",
            "MLAPI_CONFIG": json.dumps(config),
            "MLAPI_SERVICE_PORT": str(port),
            "MLAPI_ADMIN_PORT": str(admin),
            "MLAPI_TERMINATION_LOG": str(self._termination),
        }

    def __enter__(self) -> Self:
        with self._log.open("wb") as log, self._errors.open("wb") as errors:
            self.process = subprocess.Popen(
                with_parent([*self._prefix, PYTHON, "-P", "-m", "mlapi_runtime.launcher"]),
                stdout=log,
                stderr=errors,
                env=self.environment,
                start_new_session=True,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            print(self._errors.read_text()[-4000:])
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.admin.close()

    def started(self) -> Self:
        """Waits until the startup probe passes."""
        until = time.monotonic() + START_SECONDS
        while self.probe("startupz") != 200:
            assert self.process.poll() is None, self._errors.read_text()
            assert time.monotonic() < until, self._errors.read_text()
            time.sleep(0.02)
        return self

    def probe(self, name: str) -> int:
        """Status of a page of the admin port; 0 while it does not listen."""
        try:
            return self.admin.get(f"/{name}").status_code
        except httpx.TransportError:
            return 0

    def stats(self) -> Stats:
        return decode(self.admin.get("/_mlapi/stats").content)

    def counted(self) -> dict[tuple[str, str], int]:
        """(route, status class) -> requests."""
        return {(series.route, series.status): series.count for series in self.stats().series}

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def ended(self) -> int:
        """Exit code, waited for."""
        return self.process.wait(timeout=START_SECONDS)

    def termination(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._termination.read_text())
        return found

    def lines(self) -> list[dict[str, Any]]:
        """What the request log holds."""
        return [json.loads(line) for line in self._log.read_text().splitlines()]

    def errors(self) -> str:
        """What the processes have logged."""
        return self._errors.read_text()

    def workers(self) -> list[int]:
        """Processes that gunicorn started."""
        return [pid for gunicorn in children(self.process.pid) for pid in children(gunicorn)]


def children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found]


def eventually(condition: Callable[[], bool]) -> None:
    """Waits until the condition holds."""
    until = time.monotonic() + START_SECONDS
    while not condition():
        assert time.monotonic() < until, "never seen to hold"
        time.sleep(0.02)
