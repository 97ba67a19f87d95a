"""Node selectors in Kubernetes' own terms: writing them, and what the scheduler makes of them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from mlapi_operator.api.types import Manifest
from mlapi_operator.gpu.nodes import Node, Taint

# The scheduler places nobody who does not tolerate these; PreferNoSchedule only prefers.
REPELLING: Final = frozenset({"NoSchedule", "NoExecute"})
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,19}")


def among(key: str, values: Iterable[str]) -> Manifest:
    return {"key": key, "operator": "In", "values": list(values)}


def outside(key: str, values: Iterable[str]) -> Manifest:
    """Also true of nodes without the label."""
    return {"key": key, "operator": "NotIn", "values": list(values)}


def above(key: str, bound: int) -> Manifest:
    return {"key": key, "operator": "Gt", "values": [str(bound)]}


def below(key: str, bound: int) -> Manifest:
    return {"key": key, "operator": "Lt", "values": [str(bound)]}


def present(key: str) -> Manifest:
    return {"key": key, "operator": "Exists"}


def absent(key: str) -> Manifest:
    return {"key": key, "operator": "DoesNotExist"}


def term(*requirements: Manifest) -> Manifest:
    return {"matchExpressions": list(requirements)}


def accepts(terms: Iterable[Manifest], node: Node) -> bool:
    """Whether any of the nodeSelectorTerms matches; an empty one matches nothing."""
    return any(_matches(each, node) for each in terms)


def holds(requirement: Manifest, labels: Mapping[str, str]) -> bool:
    """What one of matchExpressions says of a node's labels."""
    found = labels.get(requirement["key"])
    values: Sequence[str] = requirement.get("values") or ()
    match requirement["operator"]:
        case "In":
            return found is not None and found in values
        case "NotIn":
            return found is None or found not in values
        case "Exists":
            return found is not None
        case "DoesNotExist":
            return found is None
        case "Gt" | "Lt" as operator:
            if found is None or not all(_INTEGER.fullmatch(each) for each in (found, *values)):
                return False
            return int(found) > int(values[0]) if operator == "Gt" else int(found) < int(values[0])
    return False


def admits(pod: Mapping[str, Any], node: Node) -> bool:
    """Whether nodeSelector and required node affinity of a pod's spec leave the node."""
    selector = pod.get("nodeSelector") or {}
    if any(node.labels.get(key) != value for key, value in selector.items()):
        return False
    affinity = (pod.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    return required is None or accepts(required.get("nodeSelectorTerms") or (), node)


def untolerated(pod: Mapping[str, Any], node: Node) -> Taint | None:
    """The first taint of the node that keeps the pod away."""
    tolerations = pod.get("tolerations") or ()
    for taint in node.taints:
        if taint.effect in REPELLING and not any(_tolerates(each, taint) for each in tolerations):
            return taint
    return None


def _matches(term: Manifest, node: Node) -> bool:
    expressions, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    return (
        bool(expressions or fields)
        and all(holds(each, node.labels) for each in expressions)
        and all(holds(each, {"metadata.name": node.name}) for each in fields)
    )


def _tolerates(toleration: Manifest, taint: Taint) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint.effect:
        return False
    if toleration.get("key") and toleration["key"] != taint.key:
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return True
    return bool(toleration.get("key")) and (toleration.get("value") or "") == taint.value
