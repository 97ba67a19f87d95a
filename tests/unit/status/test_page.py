"""docs/status.md leaves no reason, condition or phase out."""

from pathlib import Path

import pytest

from mlapi_operator.api.conditions import REASONS, Condition, Phase, Reason

PAGE = (Path(__file__).parents[3] / "docs" / "status.md").read_text()
GOOD = {
    "Valid",
    "Resolved",
    "Complete",
    "Scheduled",
    "MinimumReplicasAvailable",
    "Answered",
    "WithinTarget",
    "Answering",
}


@pytest.mark.parametrize("reason", [each for each in REASONS if each.name not in GOOD], ids=str)
def test_page_says_what_to_do_for_every_reason(reason: Reason) -> None:
    assert f"`{reason.name}`" in PAGE.partition("## What to do")[2]


def test_page_has_every_condition_and_phase_in_order() -> None:
    conditions = [PAGE.index(f"\n| `{each}`") for each in Condition if each != Condition.STALLED]
    phases = [PAGE.index(f"\n| `{each}` |", PAGE.index("## Phase")) for each in Phase]
    assert conditions == sorted(conditions)
    assert phases == sorted(phases)
