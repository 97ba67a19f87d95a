"""A revision is given up for what it does, never for what chance does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlapi_operator.latency.digest import Digest
from mlapi_operator.rollout.judge import Sample, judge, wilson

counts = st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
samples = st.builds(
    lambda pair, p95: Sample(pair[1], pair[0], p95), counts, st.just(-1) | st.integers(10, 10**9)
)
GOOD = Sample(1000, 2, 10_000)


# Newcombe, Two-sided confidence intervals for the single proportion, Stat. Med. 17 (1998), table I, method 3.
@pytest.mark.parametrize(
    ("errors", "requests", "lower", "upper"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_of_published_examples_is_the_published_interval(
    errors: int, requests: int, lower: float, upper: float
) -> None:
    assert wilson(errors, requests) == pytest.approx((lower, upper), abs=5e-5)


@given(counts)
def test_wilson_holds_the_part_and_stays_between_none_and_all(pair: tuple[int, int]) -> None:
    errors, requests = pair
    lower, upper = wilson(errors, requests)
    assert 0 <= lower <= errors / requests + 1e-12
    assert errors / requests - 1e-12 <= upper <= 1


@pytest.mark.parametrize(
    ("new", "worse"),
    [
        (Sample(110, 11, 10_000), True),
        (Sample(1000, 100, 10_000), True),
        (Sample(99, 99, 10_000), False),
        (Sample(100, 4, 10_000), False),
        (Sample(100_000, 1_900, 10_000), False),
        (GOOD, False),
    ],
    ids=["10 % of few", "10 %", "too few", "4 % by chance", "1.9 %, tolerated", "the same"],
)
def test_errors_are_judged_as_soon_as_there_are_enough_requests(new: Sample, worse: bool) -> None:
    verdict = judge(new, GOOD, at_end=False)
    assert (verdict is not None and verdict.worse) == worse


def test_latency_waits_for_the_end_of_the_bake() -> None:
    slow = Sample(1000, 2, 15_001)
    assert judge(slow, GOOD, at_end=False) is None
    verdict = judge(slow, GOOD, at_end=True)
    assert verdict is not None
    assert verdict.worse
    verdict = judge(Sample(1000, 2, 15_000), GOOD, at_end=True)
    assert verdict is not None
    assert not verdict.worse


@pytest.mark.parametrize(
    ("new", "old"), [(Sample(99, 99, 10**9), GOOD), (GOOD, Sample(99, 0, 10)), (Sample(), GOOD)]
)
def test_too_few_requests_are_accepted_and_that_is_said(new: Sample, old: Sample) -> None:
    verdict = judge(new, old, at_end=True)
    assert verdict is not None
    assert not verdict.worse
    assert verdict.message.startswith("too few requests")


@given(samples, samples, st.booleans())
def test_judgement_ends_with_the_bake_and_says_why(new: Sample, old: Sample, at_end: bool) -> None:
    verdict = judge(new, old, at_end=at_end)
    assert at_end <= (verdict is not None)
    if verdict:
        assert 0 < len(verdict.message) < 300
        assert verdict.worse or at_end


@given(samples)
def test_revision_is_never_worse_than_its_equal(sample: Sample) -> None:
    verdict = judge(sample, sample, at_end=True)
    assert verdict is not None
    assert not verdict.worse


@given(samples, samples, st.integers(0, 100))
def test_more_errors_never_save_a_revision(new: Sample, old: Sample, more: int) -> None:
    before = judge(new, old, at_end=False)
    errors = min(new.errors + more, new.requests)
    after = judge(Sample(new.requests, errors, new.p95_microseconds), old, at_end=False)
    assert (before is not None and before.worse) <= (after is not None and after.worse)


def test_sample_of_an_unknown_digest_is_empty() -> None:
    assert Sample.of(None) == Sample.of(Digest(300)) == Sample()
    assert Sample.of(Digest(300, requests=7, errors=9, p95_microseconds=5)) == Sample(7, 7, 5)
