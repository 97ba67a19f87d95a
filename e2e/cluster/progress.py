"""Lines that tell a waiting person what a long step is doing."""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from e2e.cluster.processes import WITH_PARENT

_REMIND_EVERY_SECONDS: Final = 30.0


def say(text: str) -> None:
    """Prints one line to stderr: stdout belongs to what a command was asked for."""
    print(f"cluster: {text}", file=sys.stderr, flush=True)


def run_long(
    what: str,
    command: Sequence[str],
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> None:
    """Runs a command that may take minutes, with a line at its start, every half minute and at its end.

    Args:
        what: names the step, such as `building etcd`.
        log: receives the command's output.
    Raises:
        RuntimeError: the command failed; the message ends in the last lines of its output.
    """
    say(f"{what} ...")
    began = time.monotonic()
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as output:
        process = subprocess.Popen(
            # A killed run must not leave its builds behind.
            [*WITH_PARENT, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=cwd,
        )
        try:
            while True:
                try:
                    code = process.wait(_REMIND_EVERY_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    say(f"{what} ... {time.monotonic() - began:.0f} s")
        except BaseException:
            process.kill()
            process.wait()
            raise
    if code != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
        raise RuntimeError(f"{what}: exit code {code}; whole output in {log}; it ends in\n{tail}")
    say(f"{what}: done in {time.monotonic() - began:.0f} s")
