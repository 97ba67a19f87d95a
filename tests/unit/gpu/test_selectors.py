"""Node selectors, tolerations and what the scheduler makes of them."""

from typing import Any

import pytest

from mlapi_operator.gpu.nodes import Node, Taint
from mlapi_operator.gpu.selectors import admits, holds, untolerated

LABELS = {"size": "81559", "product": "H100", "odd": "192G"}


@pytest.mark.parametrize(
    ("key", "operator", "values", "expected"),
    [
        ("product", "In", ["A100", "H100"], True),
        ("product", "In", ["h100"], False),
        ("missing", "In", ["x"], False),
        ("product", "NotIn", ["H100"], False),
        ("missing", "NotIn", ["x"], True),
        ("product", "Exists", None, True),
        ("missing", "Exists", None, False),
        ("missing", "DoesNotExist", None, True),
        ("size", "Gt", ["81558"], True),
        ("size", "Gt", ["81559"], False),
        ("size", "Lt", ["81560"], True),
        ("size", "Lt", ["81559"], False),
        ("odd", "Gt", ["1"], False),
        ("missing", "Gt", ["1"], False),
        ("size", "Gt", ["1G"], False),
        ("product", "Like", ["H100"], False),
    ],
)
def test_requirement_holds_as_the_scheduler_says(
    key: str, operator: str, values: list[str] | None, expected: bool
) -> None:
    requirement = {"key": key, "operator": operator} | ({"values": values} if values else {})
    assert holds(requirement, LABELS) is expected


@pytest.mark.parametrize(
    ("toleration", "tolerated"),
    [
        ({"operator": "Exists"}, True),
        ({"key": "gpu", "operator": "Exists"}, True),
        ({"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}, True),
        ({"key": "gpu", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "gpu", "operator": "Equal", "value": "yes"}, True),
        ({"key": "gpu", "value": "yes", "effect": "NoSchedule"}, True),
        ({"key": "gpu", "value": "no"}, False),
        ({"key": "gpu"}, False),
        ({"key": "other", "operator": "Exists"}, False),
    ],
    ids=str,
)
def test_toleration_covers_a_taint_as_the_scheduler_says(toleration: dict[str, Any], tolerated: bool) -> None:
    taint = Taint("gpu", "yes", "NoSchedule")
    node = Node("a", taints=(taint, Taint("soft", "", "PreferNoSchedule")))
    assert untolerated({"tolerations": [toleration]}, node) == (None if tolerated else taint)


def test_pod_without_selector_goes_anywhere_and_with_one_only_where_it_holds() -> None:
    node = Node("a", {"zone": "x"})
    assert admits({}, node)
    assert admits({"nodeSelector": {"zone": "x"}}, node)
    assert not admits({"nodeSelector": {"zone": "y"}}, node)
