"""A plan outlives the operator that made it, and whatever people write into its annotation."""

import json
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mlapi_operator.desired import labels
from mlapi_operator.rollout.plan import STRATEGIES, Plan, running

NOW = datetime(2026, 1, 1, tzinfo=UTC)

plans = st.builds(
    Plan,
    revision=st.just("digits-11111111"),
    started_at=st.integers(0, 10**6).map(lambda seconds: NOW - timedelta(seconds=seconds)),
    strategy=st.none() | st.sampled_from(sorted(STRATEGIES)),
    reason=st.text(max_size=100),
    automatic=st.booleans(),
    needs_device=st.booleans(),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("0001-01-01T00:00:00+23:59"),
    lambda inner: st.lists(inner, max_size=3),
)


def deployment(annotation: str, revision: str = "digits-2") -> dict[str, object]:
    template = {"metadata": {"labels": {labels.REVISION: revision}}}
    return {"metadata": {"annotations": {labels.ROLLOUT: annotation}}, "spec": {"template": template}}


@given(plans)
def test_plan_is_read_as_it_was_written(plan: Plan) -> None:
    assert Plan.of(deployment(plan.annotation()), NOW) == plan


@given(plans, st.sampled_from(["revision", "startTime", "strategy", "reason", "automatic"]), json_values)
def test_plan_with_a_member_of_another_kind_is_none_or_sound(plan: Plan, member: str, value: object) -> None:
    document = {**json.loads(plan.annotation()), member: value}
    found = Plan.of(deployment(json.dumps(document)), NOW)
    assert found is None or found.strategy is None or found.strategy in STRATEGIES
    assert found is None or found.started_at <= NOW


@given(st.text(max_size=40))
def test_any_text_is_no_plan_and_the_template_says_what_runs(text: str) -> None:
    found = Plan.of(deployment(text), NOW)
    assert found is None
    assert running(deployment(text), found) == "digits-2"


def test_nothing_runs_without_a_deployment() -> None:
    assert running(None, None) == ""
    assert Plan.of({"metadata": {}}, NOW) is None
