"""Buildah with storage of its own, and an end for what a killed build leaves running or mounted."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from e2e.cluster.cache import cache_dir, locked
from e2e.cluster.mounts import unmount_below
from e2e.cluster.processes import WITH_PARENT, kill
from e2e.cluster.progress import run_long


class Buildah:
    """Runs buildah; obtained from `one_build`."""

    def __init__(self) -> None:
        self._storage = cache_dir() / "buildah"
        self._run = Path("/run/mlapi-buildah")
        self._temporary = cache_dir() / "buildah-tmp"

    def output(self, name: str, *arguments: str) -> str:
        """What the subcommand prints.

        Raises:
            RuntimeError: it failed.
        """
        command = [*WITH_PARENT, *self._command(name, *arguments)]
        result = subprocess.run(command, capture_output=True, text=True, env=self._environment())
        if result.returncode != 0:
            raise RuntimeError(f"buildah {name}: {result.stderr.strip()}")
        return result.stdout.strip()

    def run(self, what: str, log: Path, name: str, *arguments: str) -> None:
        """Runs a subcommand that takes long; `what` names the step to the person who waits."""
        run_long(what, self._command(name, *arguments), log, env=self._environment())

    def clear(self) -> None:
        """Ends processes of builds and unmounts: buildah leaves its storage mounted even after success."""
        kill(self._strays())
        unmount_below(self._storage)
        for folder in (self._run, self._temporary):
            shutil.rmtree(folder, ignore_errors=True)

    def _command(self, name: str, *arguments: str) -> list[str]:
        storage = ["--root", str(self._storage), "--runroot", str(self._run), "--storage-driver", "overlay"]
        return ["buildah", *storage, name, *arguments]

    def _environment(self) -> dict[str, str]:
        self._temporary.mkdir(exist_ok=True)
        return {**os.environ, "TMPDIR": str(self._temporary)}

    def _strays(self) -> list[int]:
        """Processes whose root file system lies in the storage: steps of a build."""
        found = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    mounts = (folder / "mountinfo").read_text().splitlines()
                except OSError:
                    continue  # ended meanwhile
                if any(line.split()[4] == "/" and f"{self._storage}/" in line for line in mounts):
                    found.append(int(folder.name))
        return found


@contextmanager
def one_build(wait: bool = True) -> Iterator[Buildah]:
    """Holds buildah for one build, starts it and leaves it clear.

    Raises:
        BlockingIOError: another build runs and `wait` is false.
    """
    with locked(cache_dir() / ".buildah.lock", wait):
        buildah = Buildah()
        buildah.clear()
        try:
            yield buildah
        finally:
            buildah.clear()


def clear_killed_builds() -> None:
    """Ends what a killed build left; a build that runs is left alone."""
    try:
        with one_build(wait=False):
            pass
    except BlockingIOError:
        return
