"""What status says about a rollout."""

from mlapi_operator.desired import labels
from mlapi_operator.observe.facts import Facts
from mlapi_operator.observe.rollout import Rollout
from mlapi_operator.rollout.plan import Plan
from mlapi_operator.rollout.target import stable
from mlapi_operator.status.availability import STARTED
from mlapi_operator.status.chain import first
from mlapi_operator.status.hide import without_values
from mlapi_operator.status.image import IMAGE_READY
from mlapi_operator.status.model import MODEL_AVAILABLE
from mlapi_operator.status.scheduling import SCHEDULED
from mlapi_operator.status.serving import SERVING


def cause(facts: Facts) -> str:
    """What the pods of the revision that is to run suffer from; empty if nothing is seen."""
    found = first((*IMAGE_READY, *SCHEDULED, *STARTED, *MODEL_AVAILABLE, *SERVING), facts)
    return without_values(found.message, facts.spec) if found else ""


def answers(facts: Facts) -> bool:
    """Whether the revision that is to run has taken over."""
    asked = facts.spec is None or facts.spec.probe.smoke_test.mode == "Service"
    return facts.rolled_out and not (asked and first(SERVING, facts))


def overdue(facts: Facts, cause: str) -> str:
    """That the progress deadline has passed."""
    seconds = facts.spec.rollout.progress_deadline_seconds if facts.spec else 0
    return (
        f"no progress for {seconds} s (spec.rollout.progressDeadlineSeconds): "
        f"{cause or 'it does not become ready'}; change the spec, or spec.rollout.retryToken to try it again"
    )


def rollout(facts: Facts, plan: Plan, overdue: str) -> Rollout:
    """
    Args:
        facts: without the rollout.
        overdue: from `overdue`, empty if the deadline has not passed.
    """
    assert facts.spec is not None, "a plan has a spec"
    held_back = facts.spec.rollout.paused and (facts.wanted != facts.revision or not facts.rolled_out)
    return Rollout(
        strategy_used=plan.strategy or "",
        strategy_reason=plan.reason,
        started_at=plan.started_at,
        message=message(facts, held_back),
        paused=held_back,
        overdue=overdue,
    )


def message(facts: Facts, held_back: bool) -> str:
    revision, before = facts.revision, stable(facts.revisions)
    if held_back:
        return "spec.rollout.paused is true: pods stay as they are; write false to go on"
    if revision is None:
        return ""
    if (wanted := facts.wanted) and wanted.name != revision.name and wanted.result == labels.ROLLED_BACK:
        return f"{wanted.name} was rolled back to {revision.name}: {wanted.reason}"
    if revision.result == labels.ACTIVE:
        return revision.reason
    if before and revision.answered_at and facts.spec:
        return (
            f"{revision.name} answers and is compared with {before.name} for "
            f"{facts.spec.rollout.bake_seconds} s (spec.rollout.bakeSeconds)"
        )
    return ""
