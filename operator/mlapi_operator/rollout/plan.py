"""The plan of one rollout, kept as an annotation of the Deployment: it holds until the next one begins."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, Self, get_args

from mlapi_operator.api.types import Manifest
from mlapi_operator.desired import labels
from mlapi_operator.observe.times import moment, timestamp

Strategy = Literal["Surge", "InPlace", "RollingUpdate", "Recreate"]
STRATEGIES: Final = frozenset(get_args(Strategy))
REASON_LIMIT: Final = 1024


@dataclass(frozen=True, slots=True)
class Plan:
    """
    Attributes:
        revision: name of the one that is rolled out.
        started_at: when the Deployment was given it.
        strategy: None where nothing is replaced.
        reason: why that one.
        automatic: it was chosen, not named by the spec.
        needs_device: a new pod beside the old ones waits for a GPU that may not be free.
    """

    revision: str
    started_at: datetime
    strategy: Strategy | None = None
    reason: str = ""
    automatic: bool = False
    needs_device: bool = False

    def annotation(self) -> str:
        return json.dumps(
            {
                "revision": self.revision,
                "startTime": timestamp(self.started_at),
                "strategy": self.strategy or "",
                "reason": self.reason,
                "automatic": self.automatic,
                "needsDevice": self.needs_device,
            },
            separators=(",", ":"),
        )

    @classmethod
    def of(cls, deployment: Manifest, now: datetime) -> Self | None:
        """The plan of a live Deployment, None where it has none that makes sense: anybody may edit it.

        Args:
            now: a rollout that began later did not.
        """
        text = (deployment["metadata"].get("annotations") or {}).get(labels.ROLLOUT, "")
        try:
            found = json.loads(text)
            plan = cls(
                revision=str(found["revision"]),
                started_at=min(moment(found["startTime"]) or now, now),
                strategy=found["strategy"] or None,
                reason=str(found["reason"])[:REASON_LIMIT],
                automatic=found["automatic"] is True,
                needs_device=found["needsDevice"] is True,
            )
            return plan if plan.strategy is None or plan.strategy in STRATEGIES else None
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return None


def running(deployment: Manifest | None, plan: Plan | None) -> str:
    """Name of the revision that the Deployment was given last; empty where there is none."""
    if plan:
        return plan.revision
    template = ((deployment or {}).get("spec") or {}).get("template") or {}
    name: str = ((template.get("metadata") or {}).get("labels") or {}).get(labels.REVISION, "")
    return name
