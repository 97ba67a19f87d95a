"""Argo CD, Flux and kstatus agree about every status that can be produced: failed only when Stalled."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from e2e.verdicts import CURRENT, FAILED, IN_PROGRESS, SUSPENDED, Judges, promised
from mlapi_operator.status.compose import status
from tests.support.recorded import NOW, facts_of
from tests.support.strategies import mlapis, recordings

GOLDEN = Path(__file__).parents[1] / "golden" / "status"
CASES = sorted(folder.name for folder in GOLDEN.iterdir())
Object = dict[str, Any]


def golden(case: str) -> Object:
    """The MLApi of a golden case with the status that it gets."""
    mlapi, expected = (
        yaml.safe_load((GOLDEN / case / name).read_text()) for name in ("mlapi.yaml", "expected.yaml")
    )
    return {**mlapi, "status": expected}


@pytest.mark.parametrize("case", CASES)
def test_golden_status_is_judged_alike_by_all(case: str, asked: Judges) -> None:
    assert asked.ask(golden(case)) == promised(golden(case))


@pytest.mark.parametrize(
    ("case", "verdicts"),
    [
        ("first-look", IN_PROGRESS),
        ("downloading", IN_PROGRESS),
        ("updating", IN_PROGRESS),
        ("ready", CURRENT),
        ("name-conflict", FAILED),
        ("invalid-spec", FAILED),
        ("suspended", SUSPENDED),
    ],
)
def test_well_known_status_is_judged_as_documented(case: str, verdicts: object, asked: Judges) -> None:
    assert asked.ask(golden(case)) == verdicts


@given(mlapis(), recordings(), st.sampled_from(["", "changed", "deleted", "untouched"]))
@settings(max_examples=300, deadline=None)
def test_drawn_status_is_judged_alike_by_all(
    asked: Judges, mlapi: Object, recorded: Object, then: str
) -> None:
    state = copy.deepcopy({**mlapi, "status": status(mlapi, facts_of(mlapi, recorded), NOW)})
    if then == "changed":
        state["metadata"]["generation"] += 1
    if then == "deleted":
        state["metadata"]["deletionTimestamp"] = "2026-01-01T00:02:00Z"
    if then == "untouched":
        state["status"] = {"observedGeneration": -1}  # the default of the CRD
    assert asked.ask(state) == promised(state)
