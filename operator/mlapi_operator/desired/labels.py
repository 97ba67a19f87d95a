"""Labels and annotations of children.

None are copied from the MLApi: GitOps tools adopt or prune by label.
"""

from typing import Final

NAME: Final = "mlapi.dev/name"
REVISION: Final = "mlapi.dev/revision"
MANAGED_BY: Final = "app.kubernetes.io/managed-by"

# Annotation of every applied child: the hash of what was applied, for an operator that starts anew.
APPLIED: Final = "mlapi.dev/applied"
# Annotation of a Deployment: how the revision that it has is rolled out, as JSON.
ROLLOUT: Final = "mlapi.dev/rollout"
# Annotations of a ControllerRevision: what became of it and why, when it first answered, and its last latency
# digest as JSON.
RESULT: Final = "mlapi.dev/result"
REASON: Final = "mlapi.dev/reason"
ANSWERED: Final = "mlapi.dev/answered"
LATENCY: Final = "mlapi.dev/latency"
# Values of the result: the revision that was last accepted, those before it, one that did worse than the one
# before it, and one that was never ready and was not replaced by the one before it.
ACTIVE: Final = "Active"
SUPERSEDED: Final = "Superseded"
ROLLED_BACK: Final = "RolledBack"
FAILED: Final = "Failed"
RESULTS: Final = frozenset({ACTIVE, SUPERSEDED, ROLLED_BACK, FAILED})

# Label of the Deployment that Kueue reads.
QUEUE_NAME: Final = "kueue.x-k8s.io/queue-name"

OPERATOR: Final = "mlapi-operator"


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
