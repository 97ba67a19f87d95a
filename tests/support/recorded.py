"""Facts from recorded objects, as the reconcile observes them."""

from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from mlapi_operator.api.conditions import REASONS, Reason
from mlapi_operator.api.problems import problems
from mlapi_operator.api.types import Manifest
from mlapi_operator.api.v1alpha1 import parse
from mlapi_operator.desired import labels
from mlapi_operator.latency.digest import Digest
from mlapi_operator.latency.progress import Progress
from mlapi_operator.observe.deployments import Deployment
from mlapi_operator.observe.devices import Devices
from mlapi_operator.observe.facts import Facts, Objection
from mlapi_operator.observe.pods import pods
from mlapi_operator.observe.revisions import revisions
from mlapi_operator.observe.rollout import Rollout
from mlapi_operator.observe.times import moment
from mlapi_operator.smoke import SmokeResult
from tests.support.kubelet import BEGAN, IMAGE

Object = dict[str, Any]
NOW = datetime(2026, 1, 1, 0, 1, tzinfo=UTC)


def pod(name: str, revision: str, status: Object, **metadata: Any) -> Object:
    """A pod as a ReplicaSet makes it, with what scheduler and kubelet wrote."""
    owner = {"kind": "ReplicaSet", "name": "digits-5d9f", "controller": True, "uid": "rs"}
    return {
        "metadata": {
            "name": name,
            "creationTimestamp": BEGAN,
            "labels": {labels.REVISION: revision, "pod-template-hash": "5d9f"},
            "ownerReferences": [owner],
            **metadata,
        },
        "status": status,
    }


def controller_revision(name: str, number: int = 1, image: str = IMAGE, **annotations: str) -> Object:
    return {
        "metadata": {"name": name, "creationTimestamp": BEGAN, "annotations": annotations},
        "revision": number,
        "data": {"hash": name, "spec": {"framework": {"name": "FastAPI"}}, "resolved": {"image": image}},
    }


def facts_of(mlapi: Manifest, recorded: Object) -> Facts:
    """
    Args:
        recorded: `revisions`, `pods` and `deployment` as the API server has them, the name of the current
            `revision` and, if the spec asks for another, of the `wanted` one, and what the other parts know:
            `smoke`, `latency`, `digests`, `progress`, `rollout`, `devices`, `refused`.
    """
    known = {revision.name: revision for revision in revisions(recorded.get("revisions", ()))}
    current = str(recorded.get("revision", ""))
    refused = recorded.get("refused")
    try:
        spec, objection = parse(mlapi), Objection(reason(refused[0]), refused[1]) if refused else None
    except ValidationError as error:
        spec, objection = None, Objection(reason("InvalidSpec"), "; ".join(problems(error)))
    return Facts(
        spec=spec,
        refused=objection,
        waiting=recorded.get("waiting", ""),
        revision=known.get(current),
        wanted=known.get(str(recorded.get("wanted", current))),
        revisions=tuple(known.values()),
        deployment=Deployment.of(recorded.get("deployment", {})),
        pods=pods(recorded.get("pods", ()), "digits"),
        smoke=smoke_result(recorded.get("smoke")),
        latency=digest(recorded.get("latency")),
        fresh=recorded.get("latency") is not None,
        digests={name: digest(each) or Digest(300) for name, each in recorded.get("digests", {}).items()},
        progress=Progress(**recorded["progress"]) if "progress" in recorded else None,
        rollout=rollout(recorded.get("rollout")),
        devices=devices(recorded.get("devices")),
    )


def rollout(recorded: Object | None) -> Rollout | None:
    if recorded is None:
        return None
    return Rollout(**{**recorded, "started_at": moment(recorded.get("started_at"))})


def devices(recorded: Object | None) -> Devices | None:
    if recorded is None:
        return None
    return Devices(**{**recorded, "products": tuple(recorded.get("products", ()))})


def reason(name: str) -> Reason:
    return next(each for each in REASONS if each.name == name)


def smoke_result(recorded: Object | None) -> SmokeResult | None:
    if recorded is None:
        return None
    at = moment(recorded["at"])
    assert at is not None
    why = reason(recorded["reason"]) if "reason" in recorded else None
    return SmokeResult(why is None, why, recorded.get("message", ""), at)


def digest(recorded: Object | None) -> Digest | None:
    if recorded is None:
        return None
    return Digest(**{**recorded, "sampled_at": moment(recorded.get("sampled_at"))})
