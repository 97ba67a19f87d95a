"""Labels and annotations of children.

None are copied from the MLApi: GitOps tools adopt or prune by label.
"""

from typing import Final

NAME: Final = "mlapi.dev/name"
REVISION: Final = "mlapi.dev/revision"
MANAGED_BY: Final = "app.kubernetes.io/managed-by"

# Annotation of every applied child: the hash of what was applied, for an operator that starts anew.
APPLIED: Final = "mlapi.dev/applied"
# Annotations of a ControllerRevision: what became of it, and its last latency digest as JSON.
RESULT: Final = "mlapi.dev/result"
LATENCY: Final = "mlapi.dev/latency"
# Values of the result: the revision that was last to answer, and those before it.
ACTIVE: Final = "Active"
SUPERSEDED: Final = "Superseded"

OPERATOR: Final = "mlapi-operator"
SELECTOR: Final = f"{MANAGED_BY}={OPERATOR}"


def child(name: str) -> dict[str, str]:
    """Of every object that belongs to the MLApi `name`."""
    return {
        "app.kubernetes.io/name": "mlapi",
        "app.kubernetes.io/instance": name,
        MANAGED_BY: OPERATOR,
        NAME: name,
    }


def of_revision(name: str, revision: str) -> dict[str, str]:
    """Of pods and ControllerRevisions."""
    return {**child(name), REVISION: revision}


def pods(name: str) -> dict[str, str]:
    """What the Deployment, the Service and the scale subresource select by: pods of every revision."""
    return {NAME: name}
