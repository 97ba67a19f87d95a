"""The command line as the user of a laptop runs it: a plain account, a home of its own."""

import os
import re
import shlex
import signal
import subprocess
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx

from e2e.cluster.cache import cache_dir
from tests.support.serving import eventually

ROOT: Final = Path(__file__).parents[2]
NOBODY: Final = 65534
# Of root's rights, only that to read: the tests' own Python may lie in root's home.
AS_NOBODY: Final = (
    "setpriv",
    f"--reuid={NOBODY}",
    f"--regid={NOBODY}",
    "--clear-groups",
    "--inh-caps=+dac_read_search",
    "--ambient-caps=+dac_read_search",
    "--",
)
MARK: Final = "MLAPI_TEST_RUN"


class Laptop:
    """Runs `mlapi`.

    Args:
        folder: becomes the home of the account.
        cache: for environments and models; by default one that is kept between the tests' runs.
        path: folders with the packages of the project.
    """

    def __init__(
        self,
        folder: Path,
        cache: Path | None = None,
        path: Sequence[Path] = (ROOT / "operator", ROOT / "images" / "runtime"),
    ) -> None:
        self._home = owned(folder)
        kept = owned(cache_dir() / "laptop")
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "MLAPI_", "XDG_", "COV_"))
        } | {
            "HOME": str(self._home),
            "MLAPI_CACHE": str(cache or kept),
            "UV_CACHE_DIR": str(kept / "uv"),
            "PYTHONPATH": ":".join(map(str, path)),
            "COLUMNS": "200",
        }

    def mlapi(self, *arguments: str | Path, **variables: str) -> "Command":
        """Starts a command, with more environment variables."""
        return Command(self._home, [*map(str, arguments)], self.environment | variables)


class Command:
    """One run; whatever is left of it at the end of the block is killed."""

    def __init__(self, folder: Path, arguments: list[str], environment: dict[str, str]) -> None:
        self._mark = uuid.uuid4().hex
        self._output = folder / f"{self._mark}.log"
        self._folder = folder
        prefix = AS_NOBODY if os.geteuid() == 0 else ()
        self._command = [*prefix, sys.executable, "-m", "mlapi_operator.cli", *arguments]
        self._environment = environment | {MARK: self._mark}

    def __enter__(self) -> Self:
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            print(self.output)
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)
        self.process.wait()

    @property
    def output(self) -> str:
        """What it printed so far."""
        return self._output.read_text(errors="replace")

    def ended(self) -> tuple[int, str]:
        """Exit code and output, waited for."""
        return self.process.wait(timeout=300), self.output

    def ready(self) -> Self:
        """Waits until it says where the server is and how to ask it."""
        eventually(
            lambda: "/docs" in self.output or "/schema" in self.output or self.process.poll() is not None
        )
        assert self.process.poll() is None, self.output
        return self

    @property
    def url(self) -> str:
        found = re.search(r"^ready after [0-9.]+ s at (\S+)$", self.output, re.MULTILINE)
        assert found is not None, self.output
        return found[1]

    def shown_requests(self) -> dict[str, httpx.Response]:
        """The curl lines that it printed, sent: path -> answer."""
        answers = {}
        for line in self.output.splitlines():
            if line.startswith("curl ") and "#" not in line:
                _, url, _, header, _, data = shlex.split(line)
                body = Path(data[1:]).read_text() if data.startswith("@") else data
                name, _, value = header.partition(": ")
                answer = httpx.post(url, content=body, headers={name: value}, timeout=60)
                answers[httpx.URL(url).path] = answer
        return answers

    def processes(self) -> list[int]:
        """All that it started and that still live, itself among them."""
        mark = f"{MARK}={self._mark}".encode()
        return [pid for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))) if mark in _environ(pid)]


def owned(folder: Path) -> Path:
    """The folder as one of the account that the commands run as."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    return folder


def _environ(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:  # gone, or somebody else's
        return b""


def json_of(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()
