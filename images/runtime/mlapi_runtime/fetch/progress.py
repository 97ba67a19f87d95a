"""How far a fetch is, for `/_mlapi/progress` on the admin port."""

import json
import time
from dataclasses import dataclass, field
from typing import Literal

State = Literal["Connecting", "Downloading", "Verifying", "Done"]
UNKNOWN = -1


@dataclass(slots=True)
class Progress:
    """Written by the fetch, read by the admin port's thread. Sizes in bytes, -1 while unknown."""

    state: State = "Connecting"
    done_bytes: int = 0
    total_bytes: int = UNKNOWN
    _since: float = field(default_factory=time.monotonic)
    _before: int = 0

    def begin(self, done_bytes: int, total_bytes: int) -> None:
        """A transfer begins, with `done_bytes` there from an earlier one."""
        self.state, self.done_bytes, self.total_bytes = "Downloading", done_bytes, total_bytes
        self._since, self._before = time.monotonic(), done_bytes

    def document(self) -> bytes:
        seconds = time.monotonic() - self._since
        fetching = self.state == "Downloading" and seconds > 0
        rate = int((self.done_bytes - self._before) / seconds) if fetching else 0
        known = rate > 0 and self.total_bytes != UNKNOWN
        return json.dumps(
            {
                "state": self.state,
                "doneBytes": self.done_bytes,
                "totalBytes": self.total_bytes,
                "bytesPerSecond": rate,
                "remainingSeconds": (self.total_bytes - self.done_bytes) // rate if known else UNKNOWN,
            }
        ).encode()
