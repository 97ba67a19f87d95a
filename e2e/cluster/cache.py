"""Where things that outlive a checkout lie."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_dir() -> Path:
    """The folder of everything built or stored: $MLAPI_CACHE, by default ~/.cache/mlapi."""
    given = os.environ.get("MLAPI_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(given) if given else Path(base) / "mlapi"
    folder.mkdir(parents=True, exist_ok=True)
    return folder.absolute()


@contextmanager
def locked(file: Path, wait: bool = True) -> Iterator[None]:
    """Holds an exclusive lock; the kernel releases it when the process dies, however it dies.

    Raises:
        BlockingIOError: someone else holds it and `wait` is false.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
