"""wrk, the client: one thread on a core of its own that sends as fast as the server answers."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlapi_operator.cli.bench import cores
from mlapi_operator.cli.bench.payload import Payload
from mlapi_operator.cli.problem import Problem

SCRIPT: Final = Path(__file__).with_name("post.lua")
TIMEOUT_SECONDS: Final = 10
PATIENCE_SECONDS: Final = 60


class NoClient(Problem):
    """wrk is not there, or could not run; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Sample:
    """`errors` by kind: status 400 and above, connect, read, write, timeout; those that occurred."""

    requests: int
    seconds: float
    p50_microseconds: int
    p99_microseconds: int
    errors: dict[str, int]


def find() -> str:
    """Its path.

    Raises:
        NoClient: it is not installed.
    """
    found = shutil.which("wrk")
    if found is None:
        raise NoClient(
            "wrk is not on the PATH; install it (Debian and Ubuntu: apt-get install wrk, Fedora: dnf install "
            "wrk, source: github.com/wg/wrk)"
        )
    return found


def run(url: str, payload: Payload, folder: Path, *, core: int, connections: int, seconds: int) -> Sample:
    """Posts `payload` to `url` again and again.

    Args:
        folder: for the body, which wrk reads from a file.
    Raises:
        NoClient: wrk failed.
    """
    body = folder / "body"
    body.write_bytes(payload.body)
    headers = {"Content-Type": "application/json", **payload.headers}
    command = [
        find(),
        "-t1",
        f"-c{connections}",
        f"-d{seconds}s",
        f"--timeout={TIMEOUT_SECONDS}s",
        f"--script={SCRIPT}",
        url,
        "--",
        str(body),
        *(part for header in headers.items() for part in header),
    ]
    with cores.on(core):
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds + PATIENCE_SECONDS, check=False
        )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        raise NoClient(f"wrk failed with code {done.returncode}: {(done.stderr or done.stdout).strip()}")
    return parsed(lines[-1])


def parsed(line: str) -> Sample:
    """What post.lua printed."""
    found = json.loads(line)
    return Sample(
        requests=found["requests"] - found["errors"]["status"],
        seconds=found["microseconds"] / 1e6,
        p50_microseconds=found["p50"],
        p99_microseconds=found["p99"],
        errors={kind: count for kind, count in found["errors"].items() if count},
    )
