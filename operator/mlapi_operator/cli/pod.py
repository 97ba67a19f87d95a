"""The serving process of a pod, started on this machine as a plain user."""

import json
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

from mlapi_operator.cli import children, ports, told
from mlapi_operator.cli.environment import Environment
from mlapi_operator.cli.problem import Problem
from mlapi_stats import document
from mlapi_stats.document import Stats

# As a pod has it after its preStop: the longest request, and what it takes to end.
GRACE_MARGIN_SECONDS: Final = 5
_STEP_SECONDS: Final = 0.02


class Failed(Problem):
    """The server cannot run; the text is its own last word."""


class Pod:
    """Started on entry, drained on exit; all of it is gone then, and also when this process dies.

    Args:
        environment: of its framework.
        config: MLAPI_CONFIG, as `serving_config` makes it, with the path of a model on this machine.
        folder: for its last words; exists.
        host, port: where it listens; a free port by default. The admin port is a free one of the same host.
        path: folders with code of the user.
        variables: environment variables besides the caller's.
        output: where its log goes; `subprocess.PIPE` to read it from `process.stdout`.
    """

    process: "subprocess.Popen[bytes]"

    def __init__(
        self,
        environment: Environment,
        config: Mapping[str, Any],
        folder: Path,
        *,
        output: int | IO[bytes],
        host: str = ports.LOOPBACK,
        port: int = 0,
        path: tuple[Path, ...] = (),
        variables: Mapping[str, str] | None = None,
    ) -> None:
        port = port or ports.free(host)
        given = variables or {}
        paths = [environment.variables["PYTHONPATH"], *map(str, path)]
        if "PYTHONPATH" in given:
            paths.append(given["PYTHONPATH"])
        self._admin = ports.reachable(host), ports.free(host)
        self._grace_seconds = config["serving"]["requestTimeoutSeconds"] + GRACE_MARGIN_SECONDS
        self._last_words = folder / "termination"
        self._output = output
        self._command = [str(environment.python), "-P", "-m", "mlapi_runtime.launcher"]
        self._variables = {
            **children.inherited(),
            **given,
            "PYTHONPATH": ":".join(paths),
            "MLAPI_CONFIG": json.dumps(config),
            "MLAPI_HOST": host,
            "MLAPI_SERVICE_PORT": str(port),
            "MLAPI_ADMIN_PORT": str(self._admin[1]),
            "MLAPI_TERMINATION_LOG": str(self._last_words),
        }
        self.url = ports.url(host, port)

    def __enter__(self) -> Self:
        self.process = children.start(self._command, self._variables, self._output)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        children.stop(self.process, self._grace_seconds)

    def started(self, seconds: float) -> None:
        """Waits until the startup probe passes: the model is loaded and warm.

        Raises:
            Failed: it ended, or is not there after so many seconds.
        """
        deadline = time.monotonic() + seconds
        while told.page(*self._admin, "/startupz") is None:
            if self.ended():
                raise Failed(self.cause())
            if time.monotonic() > deadline:
                raise Failed(f"not ready after {seconds:.0f} s")
            time.sleep(_STEP_SECONDS)

    def stats(self) -> Stats | None:
        """Its figures; None when it does not answer."""
        answer = told.page(*self._admin, "/_mlapi/stats")
        return None if answer is None else document.decode(answer)

    def ended(self) -> bool:
        """Whether it ended without being told to."""
        return children.ended(self.process)

    def cause(self) -> str:
        """Why it ended, as it would have told the cluster."""
        return told.last_words(self._last_words)
