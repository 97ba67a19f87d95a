"""ModelAvailable: what the fetching containers say."""

from collections.abc import Iterable
from typing import Final

from mlapi_operator.api import conditions
from mlapi_operator.api.conditions import REASONS, Condition, Reason
from mlapi_operator.observe.containers import Termination
from mlapi_operator.observe.facts import Facts, Objection
from mlapi_operator.observe.pods import Pod
from mlapi_operator.observe.termination import Fetched, fetched, report, runtime_missing
from mlapi_operator.status.availability import raise_memory_limit
from mlapi_operator.status.chain import Check

REPORTED: Final[dict[str, Reason]] = {
    reason.name: reason for reason in REASONS if reason.condition is Condition.MODEL_AVAILABLE
}
# Where the fetch itself does not say what to do.
REMEDIES: Final[dict[str, str]] = {
    "ChecksumMismatch": "correct spec.model.sha256 or the file",
    "NotFound": "correct spec.model.uri",
    "AuthFailed": "make the file readable without credentials",
    "TooLarge": "serve a smaller file or raise the operator's fetch.maxBytes",
    "NoSpace": "free disk space on the node or choose another",
}


def model_complete(facts: Facts) -> Objection | None:
    """One pod that has the file is enough: more replicas may still be fetching it."""
    if any(pod.ready or has_model(pod.fetch.ended) for pod in facts.updated):
        return None
    failure = next((end for pod in facts.updated if (end := pod.fetch.failed)), None)
    running = any(pod.fetch.running_since for pod in facts.updated)
    objection = fetch_objection(failure, facts) if failure else None
    if objection and not (running and bytes_come(facts)):
        return objection  # another try alone is no news
    if running:
        return Objection(conditions.DOWNLOADING, f"the model is being fetched{how_far(facts)}")
    return Objection(conditions.MODEL_RESOLVING, f"no pod has begun to fetch the model{why_idle(facts)}")


def why_idle(facts: Facts) -> str:
    """What keeps the pods from the scheduler, or the scheduler from the pods."""
    asked = facts.spec.scheduling if facts.spec else None
    if any(pod.gated for pod in facts.updated):
        queue = asked.queue_name if asked else None
        admits = f"queue {queue} of spec.scheduling.queueName" if queue else "whoever set it"
        return f": a scheduling gate holds the pods back until {admits} admits them"
    unseen = facts.updated and not any(pod.scheduled_at or pod.unschedulable for pod in facts.updated)
    if unseen and asked and asked.scheduler_name:
        return (
            f": scheduler {asked.scheduler_name} of spec.scheduling.schedulerName has not looked at the pods"
        )
    return ""


def has_model(end: Termination | None) -> bool:
    return end is not None and end.exit_code == 0


def fetch_objection(end: Termination, facts: Facts) -> Objection | None:
    """None if the cause is not the model: an image without the runtime is what Available tells."""
    if runtime_missing(end.message):
        return None
    if end.reason == "OOMKilled":
        return Objection(
            conditions.DOWNLOAD_OOM,
            f"the fetching container was killed for using too much memory; {raise_memory_limit(facts)}",
        )
    found = report(end.message)
    if found and (reason := REPORTED.get(found.reason)):
        remedy = REMEDIES.get(reason.name)
        return Objection(reason, f"{found.message}; {remedy}" if remedy else found.message)
    return Objection(
        conditions.SOURCE_UNREACHABLE,
        f"the fetching container ended with exit code {end.exit_code} and is started again; "
        "its log tells more (kubectl logs, container fetch)",
    )


def bytes_come(facts: Facts) -> bool:
    return facts.progress is not None and facts.progress.state in ("Downloading", "Verifying")


def how_far(facts: Facts) -> str:
    progress = facts.progress
    if progress is None or progress.total_bytes <= 0:
        return ""
    return f": {progress.done_bytes * 100 // progress.total_bytes} %"


def file(pods: Iterable[Pod]) -> Fetched | None:
    """What the pods fetched; None until one has it."""
    ends = (pod.fetch.ended for pod in pods)
    files = (fetched(end.message) for end in ends if end and has_model(end))
    return next((found for found in files if found), None)


MODEL_AVAILABLE: Final[tuple[Check, ...]] = (model_complete,)
