"""Which revision runs: what the spec asks for, unless it did worse or is held back."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from mlapi_operator.desired.labels import ACTIVE, FAILED, RESULTS, ROLLED_BACK, SUPERSEDED
from mlapi_operator.observe.revisions import Revision
from mlapi_operator.rollout.target import stable, target

OLD = Revision("digits-1", 1, "1", "FastAPI", "image", provided=False, result=ACTIVE)
NEW = Revision("digits-2", 2, "2", "FastAPI", "image", provided=False)


def chosen(new: Revision, old: Revision = OLD, *, running: str = "digits-1", paused: bool = False) -> str:
    return target(new, (new, old), running=running, paused=paused).name


def test_target_of_a_new_spec_is_its_revision() -> None:
    assert chosen(NEW) == "digits-2"
    for result in (FAILED, SUPERSEDED, ACTIVE):
        assert chosen(replace(NEW, result=result)) == "digits-2"


def test_target_after_a_rollback_is_the_stable_one_and_stays_it() -> None:
    bad = replace(NEW, result=ROLLED_BACK)
    assert chosen(bad, running="digits-2") == chosen(bad, running="digits-1") == "digits-1"


def test_target_without_a_stable_one_is_what_the_spec_asks_for() -> None:
    assert chosen(replace(NEW, result=ROLLED_BACK), replace(OLD, result=SUPERSEDED)) == "digits-2"


def test_target_while_paused_is_what_runs() -> None:
    assert chosen(NEW, paused=True) == "digits-1"
    assert chosen(NEW, paused=True, running="") == "digits-2"
    assert chosen(NEW, paused=True, running="gone-by-hand") == "digits-2"


@given(st.sampled_from(["", *sorted(RESULTS)]), st.sampled_from(["", *sorted(RESULTS)]), st.booleans())
def test_target_once_reached_is_the_target_again(new: str, old: str, paused: bool) -> None:
    one, other = replace(NEW, result=new), replace(OLD, result=old)
    first = chosen(one, other, paused=paused)
    assert chosen(one, other, running=first, paused=paused) == first


def test_stable_of_two_accepted_ones_is_the_newer() -> None:
    assert stable((replace(NEW, result=ACTIVE), OLD)) == replace(NEW, result=ACTIVE)
    assert stable(()) is None
