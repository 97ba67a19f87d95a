"""A file on a claim: served in place, so it is looked at where it lies and never copied."""

import errno
import hashlib
import os
import stat
from io import FileIO
from pathlib import Path

from mlapi_runtime.fetch.failure import Failure
from mlapi_runtime.fetch.order import Order
from mlapi_runtime.fetch.part import BLOCK, Origin
from mlapi_runtime.fetch.progress import Progress

NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)
FORBIDDEN = (errno.EACCES, errno.EPERM)


def check(order: Order, progress: Progress) -> Origin:
    """The file, read through only where a checksum is given: reading takes as long as loading it.

    Raises:
        Failure: it is not there, no file, out of the claim, not readable, too large or another one.
    """
    progress.state = "Verifying"
    where = inside(order)
    try:
        size_bytes = regular(order, where)
        progress.total_bytes = size_bytes
        with where.open("rb", buffering=0) as file:  # also tells whether it may be read
            sha256 = read_through(file, progress) if order.sha256 else ""
    except OSError as error:
        raise failure(order, where, error) from error
    if order.sha256 and sha256 != order.sha256:
        raise Failure("ChecksumMismatch", f"found sha256 {sha256}, wanted {order.sha256} (model.sha256)")
    progress.state = "Done"
    return Origin(order.uri, size_bytes=size_bytes, sha256=sha256)


def inside(order: Order) -> Path:
    """The file behind all links.

    Raises:
        Failure: AddressRefused where they lead out of the claim.
    """
    where = Path(os.path.realpath(order.target))
    if not where.is_relative_to(os.path.realpath(order.directory)):
        raise Failure(
            "AddressRefused",
            f"{order.uri} leads to {where}, out of the claim; a link on it must be relative and stay on it",
        )
    return where


def regular(order: Order, where: Path) -> int:
    """Size in bytes of what is a file.

    Raises:
        Failure: NotFound where it is something else, TooLarge.
        OSError: it cannot be looked at.
    """
    found = where.stat()
    if not stat.S_ISREG(found.st_mode):
        what = "a folder; name the file in it" if stat.S_ISDIR(found.st_mode) else "no regular file"
        raise Failure("NotFound", f"{order.uri} is {what}")
    if found.st_size > order.max_bytes:
        raise Failure(
            "TooLarge",
            f"the file has {found.st_size} bytes, the operator's fetch.maxBytes is {order.max_bytes}",
        )
    return found.st_size


def read_through(file: FileIO, progress: Progress) -> str:
    """SHA-256, hex."""
    digest, block = hashlib.sha256(), memoryview(bytearray(BLOCK))
    while length := file.readinto(block):
        digest.update(block[:length])
        progress.done_bytes += length
    return digest.hexdigest()


def failure(order: Order, where: Path, error: OSError) -> Failure:
    """What an error of the file system means to the user."""
    if error.errno in NOT_THERE:
        return Failure("NotFound", f"{shown(order, where)} is not on the claim: {error.strerror}")
    if error.errno in FORBIDDEN:
        return Failure(
            "AuthFailed",
            f"user {os.geteuid()} (spec.security.runAsUser names another) may not read {shown(order, where)}",
        )
    return Failure("SourceUnreachable", f"{shown(order, where)}: {error.strerror}")


def shown(order: Order, where: Path) -> str:
    """The URI, and where on the claim its links lead."""
    found = where.relative_to(os.path.realpath(order.directory))
    return order.uri if found == order.target.relative_to(order.directory) else f"{order.uri} -> {found}"
