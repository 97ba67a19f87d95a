"""What becomes a Kubernetes event, and what does not."""

from typing import Any

from mlapi_operator.status.transitions import transitions

Object = dict[str, Any]


def status(ready: str, *conditions: str, **sections: Any) -> Object:
    """Conditions as `Type=Status/Reason`, Ready by its status and reason alone."""
    shown = (f"Ready={ready}", *conditions)
    return {"conditions": [condition(each) for each in shown], "url": "http://digits.team-a.svc", **sections}


def condition(shown: str) -> Object:
    type, _, verdict = shown.partition("=")
    status, _, reason = verdict.partition("/")
    return {"type": type, "status": status, "reason": reason, "message": f"{reason} it is"}


UPDATING = status("False/Updating")
READY = status("True/Answering")
IN_PLACE = {
    "revision": "b",
    "startTime": "t1",
    "strategyUsed": "InPlace",
    "strategyReason": "no device is free",
}


def test_chosen_strategy_is_told_once_with_its_reason() -> None:
    def rolling(revisions: tuple[str, ...] = ("b", "a"), **changes: str) -> Object:
        shown = [{"name": name} for name in revisions]
        return status("False/Updating", rollout={**IN_PLACE, **changes}, revisions=shown)

    chosen = rolling()
    assert list(transitions(UPDATING, chosen)) == [("Normal", "RolloutByInPlace", "no device is free")]
    assert not list(transitions(chosen, rolling(message="1 of 2")))
    flipped = rolling(strategyUsed="Surge")
    assert [reason for _, reason, _ in transitions(chosen, flipped)] == ["RolloutBySurge"]
    again = rolling(startTime="t2")
    assert [reason for _, reason, _ in transitions(chosen, again)] == ["RolloutByInPlace"]
    assert not list(transitions(UPDATING, rolling(("a",)))), "a first revision replaces nothing"


def test_rolled_back_revision_is_a_warning_with_its_reason() -> None:
    back = status("False/RolledBack", "Stalled=True/RolledBack")
    assert list(transitions(READY, back)) == [("Warning", "RolledBack", "RolledBack it is")]
    assert not list(transitions(back, back))


def test_accepted_revision_is_told_with_what_it_was_judged_by() -> None:
    def judged(**entry: str) -> Object:
        return status(
            "True/Answering", revisions=[{"name": "b", **entry}, {"name": "a", "result": "Superseded"}]
        )

    accepted = judged(result="Active", message="no worse than the revision before")
    told = ("Normal", "RevisionAccepted", "revision b: no worse than the revision before")
    assert list(transitions(judged(), accepted)) == [told]
    assert not list(transitions(accepted, accepted))
    assert not list(transitions(judged(), judged(result="Active")))
    first = status("True/Answering", revisions=[{"name": "a", "result": "Active", "message": "the first"}])
    assert not list(transitions(READY, first))


def test_wait_for_a_gpu_is_told_once_also_beside_replicas_that_answer() -> None:
    wait = "Scheduled=False/InsufficientGPU"
    told = [("Warning", "InsufficientGPU", "InsufficientGPU it is")]
    good = "Scheduled=True/Scheduled"
    assert list(transitions(status("True/Answering", good), status("True/Answering", wait))) == told
    assert list(transitions(status("False/Updating", good), status("False/InsufficientGPU", wait))) == told
    assert not list(transitions(status("True/Answering", wait), status("True/Answering", good)))
