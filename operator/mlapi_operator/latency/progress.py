"""How far a pod's fetch of its model is, as it answers on `/_mlapi/progress`."""

import json
from dataclasses import dataclass
from typing import Final

MAX_BYTES: Final = 4096
STATES: Final = ("Connecting", "Downloading", "Verifying", "Done")


@dataclass(frozen=True, slots=True)
class Progress:
    """`total_bytes`, `bytes_per_second` and `remaining_seconds` are -1 while unknown."""

    pod: str
    state: str
    done_bytes: int
    total_bytes: int
    bytes_per_second: int
    remaining_seconds: int

    def news_since(self, previous: "Progress | None") -> bool:
        """Whether a reader of the status would want it at once: another state, or a tenth of the way."""
        if previous is None or self.state != previous.state:
            return True
        return 0 < self.total_bytes <= 10 * abs(self.done_bytes - previous.done_bytes)


def decode(pod: str, data: bytes) -> Progress:
    """Reads the answer of a pod, which is not to be trusted.

    Raises:
        ValueError: it is not what it must be; the text names the field.
    """
    if len(data) > MAX_BYTES:
        raise ValueError(f"progress: more than {MAX_BYTES} bytes")
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"progress: not JSON: {error}") from error
    if not isinstance(found, dict):
        raise ValueError("progress: wanted an object")
    if found.get("state") not in STATES:
        raise ValueError(f"progress.state: wanted one of {', '.join(STATES)}")
    numbers = {
        key: found.get(key) for key in ("doneBytes", "totalBytes", "bytesPerSecond", "remainingSeconds")
    }
    for key, value in numbers.items():
        if type(value) is not int or not -1 <= value < 2**63:
            raise ValueError(f"progress.{key}: wanted an integer, -1 for unknown")
    return Progress(
        pod=pod,
        state=found["state"],
        done_bytes=max(found["doneBytes"], 0),
        total_bytes=found["totalBytes"],
        bytes_per_second=found["bytesPerSecond"],
        remaining_seconds=found["remainingSeconds"],
    )
