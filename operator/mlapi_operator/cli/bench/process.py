"""The process of a server beside ours: started, waited for, and gone with its children at the end."""

import http.client
import subprocess
import tempfile
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

from mlapi_operator.cli import children, ports
from mlapi_operator.cli.bench.candidates import SERVERS, Script
from mlapi_operator.cli.environment import Environment
from mlapi_operator.cli.problem import Problem

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 5.0
LOOK_SECONDS: Final = 0.02
LAST_CHARACTERS: Final = 2000


class StartFailed(Problem):
    """A server did not come up; the text holds its last words."""


class Process:
    """Runs a script on a free port of this host.

    Args:
        variables: of its environment, beside those of this process.
    """

    process: "subprocess.Popen[bytes]"

    def __init__(self, script: Script, environment: Environment, variables: Mapping[str, str]) -> None:
        self._name = script.name
        self._port = ports.free(ports.LOOPBACK)
        self.url = ports.url(ports.LOOPBACK, self._port)
        self._command = [
            str(environment.python),
            *("-P", "-m", "gunicorn"),
            f"--bind={ports.LOOPBACK}:{self._port}",
            f"--chdir={SERVERS}",
            f"--worker-class={script.worker}",
            "--worker-tmp-dir=/dev/shm",
            "--no-control-socket",
            "--log-level=warning",
            script.application,
        ]
        self._variables = {**children.inherited(), **environment.variables, **variables}

    def __enter__(self) -> Self:
        self._log = tempfile.TemporaryFile()
        self.process = children.start(self._command, self._variables, self._log)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        children.stop(self.process, STOP_SECONDS)
        self._log.close()

    def started(self) -> None:
        """Waits until it answers anything at all.

        Raises:
            StartFailed
        """
        until = time.monotonic() + START_SECONDS
        while not self._answers():
            if children.ended(self.process) or time.monotonic() > until:
                self._log.seek(0)
                said = self._log.read().decode(errors="replace")[-LAST_CHARACTERS:]
                raise StartFailed(f"{self._name} did not start: {said.strip()}")
            time.sleep(LOOK_SECONDS)

    def _answers(self) -> bool:
        # gunicorn takes connections before its worker has loaded the application: only an answer tells.
        connection = http.client.HTTPConnection(ports.LOOPBACK, self._port, timeout=START_SECONDS)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        return True
