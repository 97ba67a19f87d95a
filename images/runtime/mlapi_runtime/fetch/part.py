"""The file on its way: `<name>.part` with what is there, `<name>.fetch` with what it is a part of.

Both survive a restart of the container, as the volume is the pod's.
"""

import errno
import hashlib
import os
from io import FileIO
from pathlib import Path

import msgspec

from mlapi_runtime.fetch.failure import Failure

BLOCK = 1 << 20


class Origin(msgspec.Struct, frozen=True):
    """What a part belongs to. `validator`: strong ETag or Last-Modified, for If-Range; empty without one."""

    uri: str
    validator: str = ""
    size_bytes: int = -1
    sha256: str = ""


class Part:
    """An unfinished download of `uri` to `target`."""

    def __init__(self, target: Path, uri: str) -> None:
        self.target = target
        self._path = target.with_name(f"{target.name}.part")
        self._note = target.with_name(f"{target.name}.fetch")
        self._uri = uri
        self._hash = hashlib.sha256()
        # Unbuffered: on a full volume closing a buffered file fails once more.
        self._file: FileIO | None = None
        self.length = 0
        self.origin = self._noted()

    def finished(self) -> Origin | None:
        """The file that an earlier run finished and that is whole; checked by its content."""
        origin = self.origin
        if not (origin.sha256 and self.target.exists() and self.target.stat().st_size == origin.size_bytes):
            return None
        return origin if _sha256(self.target) == origin.sha256 else None

    def resume(self) -> None:
        """Takes up what an earlier run left, provided that it can be told to be of the same file."""
        if self.origin.validator and self._path.exists():
            self._file = self._path.open("r+b", buffering=0)
            while block := self._file.read(BLOCK):
                self._hash.update(block)
                self.length += len(block)

    def restart(self, origin: Origin) -> None:
        """Begins anew, with a file that is described by `origin`."""
        self.close()
        self._file = self._path.open("wb", buffering=0)
        self._hash = hashlib.sha256()
        self.length = 0
        self._write_note(origin)

    def append(self, data: bytes) -> None:
        """Adds what came.

        Raises:
            Failure: NoSpace.
        """
        assert self._file is not None
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise Failure("NoSpace", f"the volume is full after {self.length} bytes") from error
            raise
        self._hash.update(data)
        self.length += len(data)

    def require_space(self, total_bytes: int) -> None:
        """Looks for room before the first byte.

        Raises:
            Failure: NoSpace when what is missing of `total_bytes` does not fit.
        """
        volume = os.statvfs(self.target.parent)
        free = volume.f_bavail * volume.f_frsize
        if total_bytes - self.length > free:
            raise Failure("NoSpace", f"the file has {total_bytes} bytes, the volume has {free} free")

    def finish(self, sha256: str | None) -> Origin:
        """Moves the file to its place.

        Args:
            sha256: what it must be; None takes any.
        Raises:
            Failure: ChecksumMismatch.
        """
        found = self._hash.hexdigest()
        self.close()
        if sha256 is not None and found != sha256:
            raise Failure("ChecksumMismatch", f"found sha256 {found}, wanted {sha256} (model.sha256)")
        os.chmod(self._path, 0o644)  # read by the serving container, whatever user it runs as
        self._path.replace(self.target)
        origin = Origin(self._uri, self.origin.validator, self.length, found)
        self._write_note(origin)
        return origin

    def discard(self) -> None:
        """Gives the space back."""
        self.close()
        self._path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def close(self) -> None:
        """Puts on the volume what is there, so that a next run can resume."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _noted(self) -> Origin:
        try:
            origin = msgspec.json.decode(self._note.read_bytes(), type=Origin)
        except (OSError, msgspec.DecodeError):
            return Origin(self._uri)
        return origin if origin.uri == self._uri else Origin(self._uri)

    def _write_note(self, origin: Origin) -> None:
        self.origin = origin
        self._note.write_bytes(msgspec.json.encode(origin))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
