"""What a CRD that is older than the operator does not take of a status: Helm never upgrades CRDs.

Server-side apply refuses the whole status for one member that the schema lacks: exactly these are left out.
"""

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from mlapi_operator.api.types import Manifest
from mlapi_operator.protocol import Clock, Invalid

log = logging.getLogger(__name__)

# Then the whole status is tried once more: somebody may have upgraded the CRD, which not every role may read.
KEPT_SECONDS: Final = 600.0

# As Kubernetes 1.36 answers, with 500 and 422: of members that lack it names the first of each object only.
REFUSED: Final = re.compile(
    r"\bstatus((?:[.]\w+(?:\[[^]]*\])?)+): (?:field not declared in schema|Unsupported value: \"([^\"]*)\")"
)
INDEX: Final = re.compile(r"\[[^]]*\]")


@dataclass(frozen=True, slots=True)
class Gap:
    """
    Attributes:
        path: of the member, from status down; a list's entries have no part of their own in it.
        value: the one value of it that is not known; None where the member itself is not.
    """

    path: tuple[str, ...]
    value: str | None = None

    def __str__(self) -> str:
        return ".".join(self.path) + (f"={self.value}" if self.value is not None else "")


class OlderCrd:
    """Remembers for all MLApis what was refused of the status of one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._gaps: frozenset[Gap] = frozenset()
        self._said: frozenset[Gap] = frozenset()
        self._until = 0.0

    def taken(self, status: Manifest) -> Manifest:
        """The status without what the CRD is known to refuse."""
        if self._clock.monotonic() >= self._until:
            self._gaps = frozenset()
        return without(status, self._gaps)

    def learn(self, error: Invalid) -> bool:
        """Whether the refusal tells of something that can be left out and was not yet."""
        news = gaps(error.message) - self._gaps
        if news:
            self._gaps |= news
            self._until = self._clock.monotonic() + KEPT_SECONDS
        if unsaid := news - self._said:
            self._said |= unsaid
            log.warning(
                "installed CRD lacks members of status; upgrade it",
                extra={"left_out": sorted(map(str, unsaid))},
            )
        return bool(news)


def gaps(message: str) -> frozenset[Gap]:
    """What the API server's refusal of a status names as unknown to it."""
    return frozenset(
        Gap(tuple(INDEX.sub("", found[1]).strip(".").split(".")), found[2])
        for found in REFUSED.finditer(message)
    )


def without(status: Manifest, gaps: Iterable[Gap]) -> Manifest:
    for gap in gaps:
        status = _without(status, gap.path, gap.value)
    return status


def _without(node: Any, path: tuple[str, ...], value: str | None) -> Any:
    if isinstance(node, list):
        return [_without(entry, path, value) for entry in node]
    if not isinstance(node, dict) or path[0] not in node:
        return node
    name, rest = path[0], path[1:]
    if rest:
        return {**node, name: _without(node[name], rest, value)}
    return node if value not in (None, node[name]) else {key: node[key] for key in node if key != name}
