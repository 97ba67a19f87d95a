"""What our own containers say in their termination message, and what others leave there.

An image may be the user's own: nothing in its messages is trusted.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, Final

REASON: Final = re.compile(r"[A-Z][A-Za-z]{1,62}")
SHA256: Final = re.compile(r"([0-9a-f]{64})?")
MESSAGE_LIMIT: Final = 1000
MODULE_MISSING: Final = re.compile(r"No module named '?mlapi_runtime")
PYTHON_MISSING: Final = re.compile(r'exec: "?/opt/app/bin/python.*(no such file|not found)', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Fetched:
    """`sha256` is empty for a file that was not read through: one on a claim, with no checksum given."""

    size_bytes: int
    sha256: str
    seconds: float

    @property
    def resolved_revision(self) -> str | None:
        return f"sha256:{self.sha256}" if self.sha256 else None


@dataclass(frozen=True, slots=True)
class Report:
    """A failure in our containers' own words."""

    reason: str
    message: str


def fetched(message: str) -> Fetched | None:
    document = parse(message)
    size, sha256, seconds = (document.get(name) for name in ("sizeBytes", "sha256", "seconds"))
    if not isinstance(size, int) or not isinstance(seconds, int | float) or not isinstance(sha256, str):
        return None
    possible = 0 <= size < 2**63 and 0 <= seconds < 2**31  # false for NaN, too
    return Fetched(size, sha256, float(seconds)) if possible and SHA256.fullmatch(sha256) else None


def report(message: str) -> Report | None:
    document = parse(message)
    reason, text = document.get("reason"), document.get("message")
    if not isinstance(reason, str) or not isinstance(text, str) or not REASON.fullmatch(reason):
        return None
    # What is no Unicode would be stored as something else than was written, and written again.
    return Report(reason, text[:MESSAGE_LIMIT].encode(errors="replace").decode())


def runtime_missing(message: str) -> bool:
    """Whether a container failed because its image does not contain mlapi_runtime."""
    return bool(MODULE_MISSING.search(message) or PYTHON_MISSING.search(message))


def parse(message: str) -> dict[str, Any]:
    """The JSON object in a message; empty when it holds something else, such as the tail of a log."""
    try:
        document = json.loads(message)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
