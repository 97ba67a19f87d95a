"""How pods are replaced: by a new revision, and when a node is drained."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema

from mlapi_operator.api.base import Object, Rule
from mlapi_operator.api.patterns import matches

_PERCENT = "^([0-9]|[1-9][0-9]|100)%$"
_MOST = 1000


def _is_part(value: Any) -> bool:
    if isinstance(value, str):
        return matches(_PERCENT)(value)
    return type(value) is int and 0 <= value <= _MOST


_PART = Rule(
    f"type(self) == int ? self >= 0 && self <= {_MOST} : self.matches('{_PERCENT}')",
    f"must be a number of pods from 0 to {_MOST}, or a percentage of them such as 25%",
    _is_part,
)
# Judged before pydantic tries the types one by one and answers for each.
Part = Annotated[
    int | str,
    BeforeValidator(_PART.check),
    WithJsonSchema({"x-kubernetes-int-or-string": True, "format": "int-or-string", "maxLength": 24}),
    _PART,
]


class Rollout(Object):
    """How a new revision replaces the one before it, and what becomes of one that does worse."""

    strategy: Literal["Auto", "RollingUpdate", "Recreate"] = "Auto"
    """`Auto` starts a new pod before it ends an old one if there is room for it, as a free GPU, and else
    replaces pods in place; status.rollout tells which and why. `RollingUpdate` does as `maxSurge` and
    `maxUnavailable` say, and waits for room. `Recreate` ends all old pods first."""
    max_surge: Part | None = None
    """Pods above `replicas` during an update, a number or a percentage (rounded up). For strategy
    RollingUpdate. Default: 25%."""
    max_unavailable: Part | None = None
    """Pods that may be missing during an update, a number or a percentage (rounded down). For strategy
    RollingUpdate. Default: 25%."""
    progress_deadline_seconds: Annotated[int, Field(ge=10, le=86400)] = 1200
    """Seconds without progress (a pod scheduled, an image pulled, bytes fetched, the model loading) after
    which a new revision has failed. Waiting for a node with room is not counted."""
    bake_seconds: Annotated[int, Field(ge=0, le=86400)] = 60
    """Seconds of real traffic, after a new revision answers, in which its errors and latency are compared
    with those of the one before it."""
    auto_rollback: bool = True
    """Whether a revision that does worse, or is never ready, is replaced by the last good one. It is tried
    again only when the spec or `retryToken` changes."""
    paused: bool = False
    """true holds back every new revision: the pods stay as they are."""
    revision_history_limit: Annotated[int, Field(ge=0, le=10)] = 5
    """Old revisions to keep for `mlapi rollback`."""
    retry_token: Annotated[str, StringConstraints(min_length=1, max_length=63)] | None = None
    """Any text; changing it makes a new revision of the same spec: tries one again that was rolled back, or
    restarts the pods. Example: the date, `"2026-03-01"`."""
    operator_upgrade: Literal["Manual", "Automatic"] = "Manual"
    """Whether a new release of the operator may restart the pods to bring its own changes: `Manual` waits
    for the next change of the spec."""

    rules: ClassVar = (
        Rule(
            "self.strategy == 'RollingUpdate' || !has(self.maxSurge)",
            "only strategy RollingUpdate has a maxSurge; write strategy: RollingUpdate or remove maxSurge",
            lambda rollout: rollout.strategy == "RollingUpdate" or rollout.max_surge is None,
            field=("maxSurge",),
        ),
        Rule(
            "self.strategy == 'RollingUpdate' || !has(self.maxUnavailable)",
            "only strategy RollingUpdate has a maxUnavailable; write strategy: RollingUpdate or remove "
            "maxUnavailable",
            lambda rollout: rollout.strategy == "RollingUpdate" or rollout.max_unavailable is None,
            field=("maxUnavailable",),
        ),
        Rule(
            "!has(self.maxSurge) || !has(self.maxUnavailable) || !(string(self.maxSurge) in ['0', '0%']) || "
            "!(string(self.maxUnavailable) in ['0', '0%'])",
            "maxSurge and maxUnavailable must not both be 0, as no pod could be replaced; raise one of them",
            lambda rollout: not {rollout.max_surge, rollout.max_unavailable} <= {0, "0%"},
            field=("maxUnavailable",),
        ),
    )


class Disruption(Object):
    """How many pods a drained node may take away at once. Absent: one."""

    max_unavailable: Part | None = None
    """Pods that may be missing, a number or a percentage. 0 stops every drain of a node. Example: `1`."""
    min_available: Part | None = None
    """Pods that must stay, a number or a percentage, instead of `maxUnavailable`. Example: `50%`."""

    rules: ClassVar = (
        Rule(
            "!has(self.maxUnavailable) || !has(self.minAvailable)",
            "must hold maxUnavailable or minAvailable, not both; remove one of them",
            lambda disruption: disruption.max_unavailable is None or disruption.min_available is None,
            field=("minAvailable",),
        ),
    )
