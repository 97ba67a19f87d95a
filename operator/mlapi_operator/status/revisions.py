"""status.revisions and status.rollout."""

import json

from mlapi_operator.api.types import Manifest
from mlapi_operator.desired.labels import ACTIVE, FAILED, SUPERSEDED
from mlapi_operator.latency.digest import Digest
from mlapi_operator.observe.facts import Facts
from mlapi_operator.observe.revisions import REASON_LIMIT, Revision
from mlapi_operator.observe.times import timestamp
from mlapi_operator.status import model

FIGURES = {
    "requests": "requests",
    "errorPercent": "error_percent",
    "p50Microseconds": "p50_microseconds",
    "p95Microseconds": "p95_microseconds",
}


def rollout(facts: Facts, ready: bool) -> Manifest | None:
    if facts.revision is None:
        return None
    shown = {"revision": (facts.wanted or facts.revision).name}
    stable = stable_revision(facts) or (facts.revision.name if ready else None)
    if stable:
        shown["stableRevision"] = stable
    if rollout := facts.rollout:
        started = timestamp(rollout.started_at) if rollout.started_at else ""
        told = {
            "strategyUsed": rollout.strategy_used,
            "strategyReason": rollout.strategy_reason[:REASON_LIMIT],
            "startTime": started,
            "message": rollout.message[:REASON_LIMIT],
        }
        shown |= {name: value for name, value in told.items() if value}
    return shown


def stable_revision(facts: Facts) -> str | None:
    """The revision that was accepted last."""
    return next((revision.name for revision in facts.revisions if revision.result == ACTIVE), None)


def section(facts: Facts, ready: bool, previous: list[Manifest]) -> list[Manifest]:
    """status.revisions, newest first.

    Args:
        previous: as status has it so far; figures of latency stay as they are unless there is news.
    """
    before = {entry["name"]: entry for entry in previous}
    return [
        {
            **identity(revision),
            **fetched(revision, facts, before.get(revision.name, {})),
            "readyReplicas": sum(pod.ready for pod in facts.live if pod.revision == revision.name),
            **figures(revision, facts, None if facts.fresh else before.get(revision.name)),
            **result(revision, facts, ready),
            **({"message": revision.reason[:REASON_LIMIT]} if revision.reason else {}),
        }
        for revision in facts.revisions
    ]


def identity(revision: Revision) -> Manifest:
    return {
        "name": revision.name,
        "framework": revision.framework,
        "imageDigest": revision.image.rpartition("@")[2],
        "createdAt": revision.created_at,
    }


def fetched(revision: Revision, facts: Facts, before: Manifest) -> Manifest:
    found = model.file(pod for pod in facts.live if pod.revision == revision.name)
    known = found.resolved_revision if found else before.get("modelRevision")
    return {"modelRevision": known} if known else {}


def figures(revision: Revision, facts: Facts, before: Manifest | None) -> Manifest:
    if before is not None:
        return {name: before[name] for name in FIGURES}
    if digest := facts.digests.get(revision.name):
        return {name: getattr(digest, attribute) for name, attribute in FIGURES.items()}
    return {name: revision.figures.get(name, -1) for name in FIGURES}


def annotation(digest: Digest) -> str:
    """The figures that outlive the pods, as kept on the ControllerRevision."""
    shown = {name: getattr(digest, attribute) for name, attribute in FIGURES.items()}
    return json.dumps({**shown, "errors": digest.errors})


def result(revision: Revision, facts: Facts, ready: bool) -> Manifest:
    if revision.result:
        return {"result": revision.result}
    if facts.revision is not None and revision.name == facts.revision.name:
        # The first one to answer is about to be annotated: one write of status tells the whole change.
        return {"result": ACTIVE} if ready and stable_revision(facts) is None else {}
    if facts.wanted is not None and revision.name == facts.wanted.name:
        return {}
    if any(pod.revision == revision.name for pod in facts.live):
        return {}
    return {"result": SUPERSEDED if revision.answered_at else FAILED}
