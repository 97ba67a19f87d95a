"""What the API server itself recorded of the operator's requests."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

READS = frozenset({"get", "list", "watch"})


@dataclass(frozen=True, slots=True)
class Entry:
    verb: str
    resource: str
    subresource: str
    group: str
    namespace: str
    name: str
    code: int
    uri: str
    at: str
    allowed: bool


class Audit:
    """The audit log of a test cluster.

    Args:
        log: JSON lines, one per answered request.
        user: whose requests count, such as `system:serviceaccount:mlapi-system:mlapi-operator`.
    """

    def __init__(self, log: Path, user: str) -> None:
        self._log = log
        self._user = user

    def of(self, user: str) -> "Audit":
        """The same log, of somebody else."""
        return Audit(self._log, user)

    def marker(self) -> int:
        """The present end of the log, for `since`."""
        return self._log.stat().st_size

    def entries(self, since: int = 0) -> Iterator[Entry]:
        """The user's requests, oldest first; watches appear when they start and when they end."""
        with self._log.open("rb") as lines:
            lines.seek(since)
            for line in lines:
                if not line.endswith(b"\n"):
                    return  # being written
                event = json.loads(line)
                if event["user"].get("username") == self._user and event["stage"] != "RequestReceived":
                    yield _entry(event)

    def writes(self, since: int, namespace: str) -> list[Entry]:
        """Requests that wanted to change something in that namespace."""
        return [e for e in self.entries(since) if e.namespace == namespace and e.verb not in READS]


def _entry(event: dict[str, Any]) -> Entry:
    target = event.get("objectRef", {})
    return Entry(
        verb=event["verb"],
        resource=target.get("resource", ""),
        subresource=target.get("subresource", ""),
        group=target.get("apiGroup", ""),
        namespace=target.get("namespace", ""),
        name=target.get("name", ""),
        code=event.get("responseStatus", {}).get("code", 0),
        uri=event["requestURI"],
        at=event["stageTimestamp"],
        # 403 is also what a namespace answers that is being deleted.
        allowed=event.get("annotations", {}).get("authorization.k8s.io/decision") != "forbid",
    )
