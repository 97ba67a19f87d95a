"""Only calls that are known to be short, from others of their size, may hold up the event loop."""

from mlapi_runtime.brevity import PROBATION, Brevity


def after(*calls: tuple[int, float]) -> Brevity:
    brevity = Brevity()
    for elements, seconds in calls:
        brevity.note(elements, seconds)
    return brevity


def test_size_that_was_never_met_is_not_brief() -> None:
    assert not Brevity().expects(1)
    assert not after((4, 10e-6)).expects(8)


def test_size_is_met_when_one_that_differs_by_less_than_a_quarter_was() -> None:
    assert after((64, 10e-6)).expects(79)
    assert not after((64, 10e-6)).expects(80)


def test_what_takes_longer_than_the_loop_has_is_never_brief() -> None:
    assert not after(*[(4, 250e-6)] * 100).expects(4)


def test_short_calls_are_told_from_those_that_are_but_a_moment() -> None:
    brief = after((4, 100e-6))
    assert brief.expects(4)
    assert not brief.expects_a_moment(4)
    assert after((4, 20e-6)).expects_a_moment(4)


def test_one_call_beyond_the_limit_keeps_its_size_away_until_others_were_short() -> None:
    brevity = after(*[(4, 20e-6)] * 50, (4, 400e-6), (64, 20e-6))
    assert brevity.expects(64)
    for _ in range(PROBATION):
        assert not brevity.expects(4)
        brevity.note(4, 20e-6)
    assert brevity.expects(4)


def test_first_call_may_be_long() -> None:
    assert after((4, 10e-3), (4, 50e-6)).expects(4)


def test_model_that_becomes_slow_is_noticed_although_each_call_is_below_the_limit() -> None:
    brevity = after(*[(4, 20e-6)] * 50)
    calls = 0
    while brevity.expects(4):
        brevity.note(4, 250e-6)
        calls += 1
    assert calls < 30
