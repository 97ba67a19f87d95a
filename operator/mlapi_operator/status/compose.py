"""The whole status of one MLApi."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mlapi_operator.api import conditions
from mlapi_operator.api.conditions import Condition
from mlapi_operator.api.types import Manifest
from mlapi_operator.desired import labels
from mlapi_operator.desired.owner import Owner
from mlapi_operator.desired.service import internal_url
from mlapi_operator.observe.facts import Facts, Objection
from mlapi_operator.observe.times import timestamp
from mlapi_operator.status import failure, gpu, latency, model, revisions, startup
from mlapi_operator.status.availability import AVAILABLE
from mlapi_operator.status.chain import first
from mlapi_operator.status.conditions import Conditions
from mlapi_operator.status.image import IMAGE_READY
from mlapi_operator.status.latency import LATENCY_WITHIN_TARGET
from mlapi_operator.status.model import MODEL_AVAILABLE
from mlapi_operator.status.phase import phase
from mlapi_operator.status.ready import Objections, objection_to_ready, stalled
from mlapi_operator.status.scheduling import SCHEDULED
from mlapi_operator.status.serving import SERVING

GOOD = {
    Condition.ACCEPTED: (conditions.ACCEPTED, "the spec is usable in this cluster"),
    Condition.IMAGE_READY: (conditions.IMAGE_READY, "the image is known by its digest"),
    Condition.MODEL_AVAILABLE: (conditions.MODEL_AVAILABLE, "the model is complete"),
    Condition.SCHEDULED: (conditions.SCHEDULED, "no pod of the current revision is unschedulable"),
    Condition.AVAILABLE: (conditions.AVAILABLE, "at least one pod is ready"),
    Condition.SERVING: (conditions.SERVING, "the current revision answered through the Service"),
    Condition.LATENCY_WITHIN_TARGET: (
        conditions.LATENCY_WITHIN_TARGET,
        "latency and errors are within spec.slo",
    ),
}


def status(mlapi: Manifest, facts: Facts, now: datetime) -> Manifest:
    """
    Args:
        mlapi: the live object with the status so far.
    Returns:
        The new status; equal to the old one when there is nothing to say.
    """
    previous: Mapping[str, Any] = mlapi.get("status") or {}
    objections = judged(facts)
    unready = objection_to_ready(facts, objections)
    ready = unready is None
    # A new revision may be stuck behind an old one that keeps every other condition True.
    stuck = unready if unready and unready.reason.stalls else stalled(objections)
    written = Conditions(previous.get("conditions", []), mlapi["metadata"]["generation"], now, facts.spec)
    for condition, objection in objections.items():
        written.judge(condition, objection, *GOOD[condition])
    written.judge(Condition.READY, unready, conditions.READY, "the current revision answers")
    if stuck:
        written.set(Condition.STALLED, "True", stuck.reason.name, stuck.message)
    elif unready and not facts.suspended:
        written.set(Condition.RECONCILING, "True", unready.reason.name, facts.waiting or unready.message)
    sections = {
        "framework": facts.revision and {"name": facts.revision.framework},
        "model": model_section(mlapi, facts),
        "image": image_section(facts),
        "rollout": revisions.rollout(facts, ready),
    }
    if facts.revision is None:  # nothing was resolved in this pass: what is known stays
        sections = {name: section or previous.get(name) for name, section in sections.items()}
    return {
        "observedGeneration": mlapi["metadata"]["generation"],
        "conditions": written.manifests,
        "phase": phase(facts, objections, ready=ready, stalled=stuck is not None).value,
        **addresses(mlapi, facts),
        **counts(mlapi, facts),
        **present(
            {
                **sections,
                "gpu": gpu.section(facts, objections.get(Condition.SCHEDULED), previous.get("gpu")),
                "revisions": revisions.section(facts, ready, previous.get("revisions", [])),
                "latency": facts.latency and latency.section(facts.latency),
                "startup": startup.section(facts, previous.get("startup"), is_same_start(facts, previous)),
                "lastFailure": failure.last_failure(facts, previous.get("lastFailure"), now),
            }
        ),
    }


def judged(facts: Facts) -> Objections:
    """The conditions that exist, in order: those of the pods need a revision that has pods."""
    refused = facts.refused
    accepted = refused if refused and refused.reason.condition is Condition.ACCEPTED else None
    objections: dict[Condition, Objection | None] = {Condition.ACCEPTED: accepted}
    if facts.revision or refused is None or refused.reason.condition is Condition.IMAGE_READY:
        objections[Condition.IMAGE_READY] = first(IMAGE_READY, facts)
    running = facts.revision is not None and not facts.suspended
    if running:
        objections[Condition.MODEL_AVAILABLE] = first(MODEL_AVAILABLE, facts)
        objections[Condition.SCHEDULED] = first(SCHEDULED, facts)
    objections[Condition.AVAILABLE] = first(AVAILABLE, facts)
    if running and facts.spec and facts.spec.probe.smoke_test.mode == "Service":
        objections[Condition.SERVING] = first(SERVING, facts)
    if facts.slo:
        objections[Condition.LATENCY_WITHIN_TARGET] = first(LATENCY_WITHIN_TARGET, facts)
    return objections


def addresses(mlapi: Manifest, facts: Facts) -> Manifest:
    if facts.refused and facts.refused.reason is conditions.NAME_CONFLICT:
        return {}  # it may be somebody else's
    url = internal_url(Owner.of(mlapi))
    return {"url": url, "internalUrl": url}


def counts(mlapi: Manifest, facts: Facts) -> Manifest:
    """Of the pods themselves: the Deployment's own counts come an event later."""
    ready = sum(pod.ready for pod in facts.live)
    selector = ",".join(f"{name}={value}" for name, value in labels.pods(mlapi["metadata"]["name"]).items())
    return {
        "replicas": len(facts.live),
        "readyReplicas": ready,
        "updatedReplicas": len(facts.updated),
        "availableReplicas": ready,
        "selector": selector,
    }


def model_section(mlapi: Manifest, facts: Facts) -> Manifest | None:
    if facts.spec is None:
        return None
    shown: Manifest = {"name": facts.spec.model.name or mlapi["metadata"]["name"], "sizeBytes": -1}
    if file := model.file(facts.updated):
        shown["sizeBytes"] = file.size_bytes
        if file.resolved_revision:
            shown["resolvedRevision"] = file.resolved_revision
    if facts.progress:
        shown["download"] = {
            "doneBytes": facts.progress.done_bytes,
            "totalBytes": facts.progress.total_bytes,
            "bytesPerSecond": facts.progress.bytes_per_second,
            "remainingSeconds": facts.progress.remaining_seconds,
            "pod": facts.progress.pod,
        }
    return shown


def image_section(facts: Facts) -> Manifest | None:
    if facts.revision is None:
        return None
    source = "Provided" if facts.revision.provided else "Prebuilt"
    return {"reference": facts.revision.image, "source": source}


def is_same_start(facts: Facts, previous: Mapping[str, Any]) -> bool:
    """Whether status tells of the present rollout: a rollback begins another one, for the same spec."""
    shown, wanted = previous.get("rollout", {}), facts.wanted or facts.revision
    began = facts.rollout.started_at if facts.rollout else None
    if began and "startTime" in shown:
        return bool(shown["startTime"] == timestamp(began))
    return wanted is not None and shown.get("revision") == wanted.name


def present(sections: Manifest) -> Manifest:
    return {name: section for name, section in sections.items() if section}
