"""The files that a Containerfile copies, and nothing else of the repository."""

import hashlib
import re
import shutil
from pathlib import Path

_COPY = re.compile(r"^\s*(COPY|ADD)\s+(.*)$", re.IGNORECASE)


def copied(containerfile: str) -> list[str]:
    """Sources of the COPY instructions, as paths from the root of the repository.

    Raises:
        ValueError: an instruction whose sources cannot be known from the text alone.
    """
    sources: list[str] = []
    for line in containerfile.replace("\\\n", " ").splitlines():
        found = _COPY.match(line)
        if found is None:
            continue
        words = found[2].split()
        if any(word.startswith("--from=") for word in words):
            continue
        paths = [word for word in words if not word.startswith("--")]
        if found[1].upper() == "ADD" or any(set(path) & set('*?[$"<') for path in paths):
            raise ValueError(
                f"Containerfile: {line.strip()!r}: write COPY with plain paths, so that inputs are known"
            )
        sources += paths[:-1]
    return sources


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = [file for file in path.rglob("*") if file.is_file()]
    return sorted(file for file in found if "__pycache__" not in file.parts)


def fill(repository: Path, sources: list[str], target: Path) -> str:
    """Copies sources into an empty folder, with modes that do not depend on this user's umask.

    Returns:
        SHA-256 over names and contents, in hex.
    Raises:
        FileNotFoundError: a source is missing.
    """
    digest = hashlib.sha256()
    for source in sources:
        if not (repository / source).exists():
            raise FileNotFoundError(f"Containerfile copies {source}, which is not in {repository}")
        for file in _files(repository / source):
            name = file.relative_to(repository)
            place = target / name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place)
            place.chmod(0o755 if file.stat().st_mode & 0o100 else 0o644)
            digest.update(str(name).encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
