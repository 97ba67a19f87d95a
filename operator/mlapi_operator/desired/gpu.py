"""What a pod template says of its GPUs."""

from typing import Final

from mlapi_operator.api.types import Manifest
from mlapi_operator.gpu.resolve import Resolved

REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED: Final = "preferredDuringSchedulingIgnoredDuringExecution"


def limits(resolved: Resolved) -> dict[str, str]:
    """For requests and limits both: of an extended resource they must be equal."""
    return {resolved.resource_name: str(resolved.per_replica)}


def affinity(resolved: Resolved, affinity: Manifest) -> Manifest:
    """The user's affinity with that of the GPUs.

    Args:
        affinity: a pod's `affinity`, empty if the user wrote none.
    Returns:
        Terms are ORed, so a node must pass one of the user's together with one of the GPUs'.
    """
    node = dict(affinity.get("nodeAffinity") or {})
    if resolved.required:
        users = (node.get(REQUIRED) or {}).get("nodeSelectorTerms")
        ours = list(resolved.required)
        node[REQUIRED] = {"nodeSelectorTerms": _both(users, ours) if users else ours}
    if resolved.preferred:
        node[PREFERRED] = [*(node.get(PREFERRED) or ()), *resolved.preferred]
    return {**affinity, "nodeAffinity": node} if node else dict(affinity)


def tolerations(resolved: Resolved) -> list[Manifest]:
    """Of the taints that are there to keep pods without GPUs away."""
    return list(resolved.tolerations)


def _both(users: list[Manifest], ours: list[Manifest]) -> list[Manifest]:
    # A term without requirements matches nothing; joined with another it would match.
    told = [user for user in users if user.get("matchExpressions") or user.get("matchFields")]
    return [
        {
            **user,
            "matchExpressions": [*(user.get("matchExpressions") or ()), *own["matchExpressions"]],
        }
        for user in told
        for own in ours
    ] or users
