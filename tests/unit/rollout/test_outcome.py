"""What becomes of a revision: each situation, and that nothing is decided twice."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlapi_operator.api.v1alpha1 import parse
from mlapi_operator.desired.labels import ACTIVE, FAILED, RESULTS
from mlapi_operator.observe.containers import Container, Termination
from mlapi_operator.observe.facts import Facts
from mlapi_operator.observe.pods import Pod
from mlapi_operator.observe.revisions import Revision
from mlapi_operator.rollout.judge import Sample
from mlapi_operator.rollout.outcome import Outcome, bake_ends_in, crashes, old_sample, outcome
from tests.support.mlapis import mlapi

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FIGURES = {"requests": 1000, "errors": 2, "errorPercent": 0, "p95Microseconds": 10_000}
OLD = Revision("digits-1", 1, "1", "FastAPI", "image", provided=False, result=ACTIVE, figures=FIGURES)
NEW = Revision("digits-2", 2, "2", "FastAPI", "image", provided=False)
BAKING = replace(NEW, answered_at=NOW - timedelta(seconds=30))
BAKED = replace(NEW, answered_at=NOW - timedelta(seconds=60))
GOOD, BAD, SLOW = Sample(500, 1, 10_000), Sample(500, 50, 10_000), Sample(500, 1, 30_000)


def facts(new: Revision, *pods: Pod, old: Revision | None = OLD, **settings: Any) -> Facts:
    known = (new, old) if old else (new,)
    spec = parse(mlapi({"rollout": settings}))
    return Facts(spec=spec, revision=new, wanted=new, revisions=known, pods=pods)


def decided(found: Facts, *, ready: bool = True, overdue: str = "", new: Sample = GOOD) -> Outcome | None:
    return outcome(found, ready=ready, overdue=overdue, cause="", new=new, now=NOW)


def crashing(ends: int) -> Pod:
    end = Termination(3, "Error", "")
    server = Container("server", waiting="CrashLoopBackOff", before=end, restarts=ends - 1)
    return Pod("p", "digits-2", server=server)


def result(found: Outcome | None) -> str | None:
    return found.result if found else None


@pytest.mark.parametrize(
    ("found", "more", "expected"),
    [
        (facts(NEW, old=None), {}, "Active"),
        (facts(NEW, old=None), {"ready": False}, None),
        (facts(NEW, old=None), {"ready": False, "overdue": "late"}, "Failed"),
        (facts(replace(NEW, result=FAILED), old=None), {"ready": False, "overdue": "late"}, None),
        (facts(replace(NEW, result=FAILED), old=None), {}, "Active"),
        (facts(NEW), {}, ""),
        (facts(NEW), {"ready": False}, None),
        (facts(NEW), {"ready": False, "overdue": "late"}, "RolledBack"),
        (facts(NEW, autoRollback=False), {"ready": False, "overdue": "late"}, "Failed"),
        (facts(NEW, crashing(2)), {"ready": False}, None),
        (facts(NEW, crashing(3)), {"ready": False}, "RolledBack"),
        (facts(NEW, crashing(3), autoRollback=False), {"ready": False}, None),
        (facts(NEW, crashing(3), paused=True), {"ready": False, "overdue": "late"}, None),
        (facts(NEW, crashing(3), old=None), {"ready": False}, None),
        (facts(BAKING), {}, None),
        (facts(BAKING), {"new": BAD}, "RolledBack"),
        (facts(BAKING), {"new": BAD, "ready": False}, "RolledBack"),
        (facts(BAKING, autoRollback=False), {"new": BAD}, None),
        (facts(BAKING), {"new": SLOW}, None),
        (facts(BAKED), {"new": SLOW}, "RolledBack"),
        (facts(BAKED, autoRollback=False), {"new": SLOW}, "Active"),
        (facts(BAKED), {}, "Active"),
        (facts(BAKED), {"new": Sample()}, "Active"),
        (facts(BAKED), {"ready": False}, None),
        (facts(replace(NEW, answered_at=NOW + timedelta(days=1))), {}, ""),
        (facts(NEW, bakeSeconds=0), {}, "Active"),
        (facts(replace(NEW, result=ACTIVE)), {"overdue": "late", "new": BAD}, None),
    ],
)
def test_outcome_of_each_situation(found: Facts, more: dict[str, Any], expected: str | None) -> None:
    assert result(decided(found, **more)) == expected


figures = st.dictionaries(st.sampled_from(sorted(FIGURES)), st.integers(-1, 2**62))
times = st.none() | st.integers(-(10**6), 10**6).map(lambda seconds: NOW + timedelta(seconds=seconds))
revisions = st.builds(
    lambda result, at, figures: replace(NEW, result=result, answered_at=at, figures=figures),
    st.sampled_from(["", *sorted(RESULTS)]),
    times,
    figures,
)
new_samples = st.integers(0, 10**6).flatmap(
    lambda n: st.builds(Sample, st.just(n), st.integers(0, n), st.integers(-1, 10**9))
)


@given(
    revisions,
    st.none() | revisions.map(lambda found: replace(found, name="digits-1", number=1)),
    st.booleans(),
    st.sampled_from(["", "late"]),
    new_samples,
    st.fixed_dictionaries(
        {"autoRollback": st.booleans(), "paused": st.booleans(), "bakeSeconds": st.integers(0, 99)}
    ),
    st.integers(0, 5),
)
def test_outcome_once_written_is_not_decided_again(
    new: Revision,
    old: Revision | None,
    ready: bool,
    overdue: str,
    asked: Sample,
    settings: dict[str, Any],
    ends: int,
) -> None:
    found = facts(new, *([crashing(ends)] if ends else []), old=old, **settings)
    first = decided(found, ready=ready, overdue=overdue, new=asked)
    if first is None:
        return
    assert first.result == "" or first.reason
    if first.result == "RolledBack":
        assert old is not None
        assert old.result == ACTIVE
        assert settings["autoRollback"]
        assert not settings["paused"]
        return  # another revision runs now
    written = (
        replace(new, result=first.result, reason=first.reason)
        if first.result
        else replace(new, answered_at=NOW)
    )
    again = decided(facts(written, *found.pods, old=old, **settings), ready=ready, overdue=overdue, new=asked)
    assert again != first


def test_bake_is_watched_from_the_first_answer_to_its_end() -> None:
    assert bake_ends_in(facts(BAKING), NOW) == 30
    assert bake_ends_in(facts(NEW), NOW) is None
    assert bake_ends_in(facts(BAKING, old=None), NOW) is None
    assert bake_ends_in(facts(replace(BAKING, result=ACTIVE)), NOW) is None


def test_crashes_count_the_run_that_has_just_ended() -> None:
    assert crashes(crashing(3)) == 3
    running = Container("server", running_since=NOW, before=Termination(3, "Error", ""), restarts=2)
    assert crashes(Pod("p", "digits-2", server=running)) == 2
    assert crashes(Pod("p", "digits-2")) == 0


@given(figures)
def test_figures_of_the_old_revision_are_a_sample_whatever_was_written_there(found: dict[str, int]) -> None:
    sample = old_sample(replace(OLD, figures=found))
    assert 0 <= sample.errors <= sample.requests
