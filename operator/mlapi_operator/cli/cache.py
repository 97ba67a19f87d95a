"""Where `mlapi` keeps what it made or fetched, to have it at hand the next time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def folder(name: str) -> Path:
    """A folder in $MLAPI_CACHE, by default ~/.cache/mlapi; made if it is not there."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    cache = Path(os.environ.get("MLAPI_CACHE") or Path(base) / "mlapi")
    found = (cache / name).absolute()
    found.mkdir(parents=True, exist_ok=True)
    return found


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds `path` for this process, so that two commands do not write the same thing."""
    with path.with_name(f"{path.name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
