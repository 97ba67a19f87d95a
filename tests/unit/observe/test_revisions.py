"""ControllerRevisions are read as the operator wrote them, whatever others did to them since."""

import pytest

from mlapi_operator.observe.revisions import revisions
from tests.support.recorded import controller_revision


def test_revisions_come_newest_first_and_without_foreign_ones() -> None:
    foreign = {"metadata": {"name": "mine"}, "revision": 9, "data": {"anything": 1}}
    found = revisions([controller_revision("a-1", 1), foreign, controller_revision("a-2", 2)])
    assert [each.name for each in found] == ["a-2", "a-1"]


@pytest.mark.parametrize(
    ("annotation", "figures"),
    [
        ('{"requests":5,"p95Microseconds":-1}', {"requests": 5, "p95Microseconds": -1}),
        ('{"requests":"5","errorPercent":true,"p50Microseconds":1.5,"p95Microseconds":-2}', {}),
        ("not JSON", {}),
        ("[1]", {}),
    ],
)
def test_figures_that_somebody_edited_are_left_out(annotation: str, figures: dict[str, int]) -> None:
    edited = controller_revision("a-1")
    edited["metadata"]["annotations"] = {"mlapi.dev/latency": annotation}
    (found,) = revisions([edited])
    assert found.figures == figures
