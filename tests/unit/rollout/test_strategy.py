"""How pods are replaced, by what there is room for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlapi_operator.api.rollout import Rollout
from mlapi_operator.observe.devices import Devices
from mlapi_operator.observe.pods import Pod
from mlapi_operator.rollout.plan import Plan
from mlapi_operator.rollout.strategy import FLIP_SECONDS, Room, choice, flipped, manifest

GPU = "nvidia.com/gpu"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
UNREAD = Devices(GPU, 1)


def devices(nodes: int, slots: int) -> Devices:
    return Devices(GPU, 1, matching_nodes=nodes, free_devices=slots, free_slots=slots)


@pytest.mark.parametrize(
    ("room", "strategy", "words"),
    [
        (Room(), "Surge", "no GPU"),
        (Room(devices(2, 1)), "Surge", "is free"),
        (Room(devices(2, 0)), "InPlace", f"1 x {GPU} free"),
        (Room(devices(2, 0), makes_room=False), "Surge", "nor would if an old pod ended"),
        (Room(devices(0, 0)), "Surge", "no node has the wanted GPU"),
        (Room(UNREAD), "Surge", "may not read nodes"),
        (Room(replace(UNREAD, matching_nodes=3)), "Surge", "may not read nodes"),
        (Room(claim="m", access_modes=("ReadWriteOnce",)), "InPlace", "m is ReadWriteOnce"),
        (Room(devices(2, 2), claim="m", access_modes=("ReadWriteOnce",)), "InPlace", "m is ReadWriteOnce"),
        (
            Room(devices(2, 2), claim="m", access_modes=("ReadWriteOncePod",)),
            "Recreate",
            "m is ReadWriteOncePod",
        ),
        (Room(claim="m", access_modes=("ReadWriteOnce", "ReadOnlyMany")), "Surge", "no GPU"),
        (Room(claim="m", access_modes=()), "Surge", "no GPU"),
        (Room(claim="m", access_modes=None), "InPlace", "cannot read"),
    ],
)
def test_auto_chooses_by_devices_and_claims_and_says_why(room: Room, strategy: str, words: str) -> None:
    found = choice(Rollout(), room)
    assert found.strategy == strategy
    assert words in found.reason


@pytest.mark.parametrize("strategy", ["RollingUpdate", "Recreate"])
def test_strategy_of_the_user_is_not_weighed(strategy: Any) -> None:
    found = choice(Rollout(strategy=strategy), Room(devices(2, 0)))
    assert (found.strategy, found.needs_device) == (strategy, False)


def waiting(seconds: float, message: str = f"0/2 nodes are available: 2 Insufficient {GPU}.") -> Pod:
    return Pod("p", "digits-2", created_at=NOW - timedelta(seconds=seconds), unschedulable=message)


def surge(**changes: Any) -> Plan:
    plan = Plan("digits-2", NOW, "Surge", "", automatic=True, needs_device=True)
    return replace(plan, **changes)


def test_surge_that_waits_for_a_gpu_is_flipped_after_a_minute_and_no_sooner() -> None:
    assert flipped(surge(), [waiting(59)], GPU, NOW) == 1.0
    found = flipped(surge(), [waiting(5), waiting(FLIP_SECONDS)], GPU, NOW)
    assert isinstance(found, Plan)
    assert (found.strategy, found.revision, found.started_at) == ("InPlace", "digits-2", NOW)
    assert flipped(found, [waiting(999)], GPU, NOW) == float("inf")


@pytest.mark.parametrize(
    "plan",
    [
        surge(automatic=False),
        surge(strategy="RollingUpdate", automatic=False),
        surge(needs_device=False),
        surge(strategy=None),
    ],
)
def test_strategy_that_was_not_chosen_for_a_gpu_is_never_flipped(plan: Plan) -> None:
    assert flipped(plan, [waiting(9999)], GPU, NOW) == float("inf")


@pytest.mark.parametrize(
    "message", ["", "0/2 nodes are available: 2 Insufficient cpu.", "2 node(s) didn't match"]
)
def test_pod_that_waits_for_something_else_flips_nothing(message: str) -> None:
    assert flipped(surge(), [waiting(9999, message)], GPU, NOW) == float("inf")


parts = st.none() | st.integers(0, 5) | st.sampled_from(["0%", "25%", "100%"])


@given(parts, parts)
def test_numbers_never_stop_a_rolling_update(surge: Any, unavailable: Any) -> None:
    if {surge, unavailable} <= {0, "0%"}:
        return  # refused by the schema
    rollout = Rollout(strategy="RollingUpdate", max_surge=surge, max_unavailable=unavailable)
    numbers = manifest("RollingUpdate", rollout)["rollingUpdate"]
    assert not set(numbers.values()) <= {0, "0%"}
    assert numbers["maxSurge"] == ("25%" if surge is None else surge)
    assert numbers["maxUnavailable"] == ("25%" if unavailable is None else unavailable)


def test_recreate_leaves_no_numbers_behind() -> None:
    assert manifest("Recreate", Rollout()) == {"type": "Recreate"}
    assert manifest("InPlace", Rollout())["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}
    for strategy in ("Surge", None):
        assert manifest(strategy, Rollout())["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
