"""Server and client never share a CPU, nor a physical core where that can be helped."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlapi_operator.cli.bench.cores import Cores, TooFewCores, choose, on


@given(st.sets(st.integers(0, 63), min_size=2))
def test_choose_takes_two_of_the_allowed(allowed: set[int]) -> None:
    found = choose(allowed, {cpu: {cpu} for cpu in allowed})
    assert found.server != found.client
    assert {found.server, found.client} <= allowed
    assert not found.siblings


def test_choose_passes_over_the_other_thread_of_the_same_core() -> None:
    siblings = {0: {0, 1}, 1: {0, 1}, 2: {2, 3}, 3: {2, 3}}
    assert choose({0, 1, 2, 3}, siblings) == Cores(0, 2, siblings=False)
    assert choose({0, 1}, siblings) == Cores(0, 1, siblings=True)


def test_choose_with_one_cpu_refuses_and_says_what_to_do() -> None:
    with pytest.raises(TooFewCores, match="found 1 CPU that this process may use, wanted 2"):
        choose({3}, {3: {3}})


def test_on_a_core_ends_with_the_block() -> None:
    before = os.sched_getaffinity(0)
    core = min(before)
    with on(core):
        assert os.sched_getaffinity(0) == {core}
    assert os.sched_getaffinity(0) == before
