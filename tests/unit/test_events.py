"""One cause is one Event, however often it is told."""

from typing import Any

from mlapi_operator.events import COMBINED, SIMILAR_LIMIT, SIMILAR_SECONDS, Recorder
from tests.support.clock import SteppedClock
from tests.support.mlapis import mlapi

Object = dict[str, Any]


class Told:
    """Events of one MLApi as they would be sent."""

    def __init__(self) -> None:
        self.clock = SteppedClock()
        self._mlapi = mlapi({})
        self._mlapi["metadata"].update(uid="u-1", resourceVersion="1")
        self._recorder = Recorder(None, self.clock)  # type: ignore[arg-type]  # nothing is sent

    def __call__(self, message: str, reason: str = "CrashLoop") -> Object:
        self._recorder.record(self._mlapi, "Warning", reason, message)
        return self._recorder._pending.get_nowait()


def name(event: Object) -> str:
    return str(event["metadata"]["name"])


def test_repeated_event_is_one_that_counts() -> None:
    told = Told()
    first = told("the server ended")
    told.clock.advance(60)
    again = told("the server ended")
    assert name(first) == name(again)
    assert (again["count"], again["firstTimestamp"]) == (2, first["firstTimestamp"])
    assert again["lastTimestamp"] > first["lastTimestamp"]


def test_events_that_differ_in_their_messages_alone_become_one_when_they_are_many() -> None:
    told = Told()
    single = [told(f"attempt {number}") for number in range(SIMILAR_LIMIT)]
    many = [told(f"attempt {number}") for number in range(100, 150)]
    assert len({name(event) for event in single}) == SIMILAR_LIMIT
    assert len({name(event) for event in many}) == 1
    assert many[-1]["message"] == f"{COMBINED}attempt 149"
    assert many[-1]["count"] == 50
    # Those told before, and those of other reasons, are told as before.
    assert name(told("attempt 3")) == name(single[3])
    assert told("answers", "Ready")["message"] == "answers"


def test_events_are_told_one_by_one_again_after_a_quiet_time() -> None:
    told = Told()
    for number in range(SIMILAR_LIMIT + 1):
        told(f"attempt {number}")
    told.clock.advance(SIMILAR_SECONDS + 1)
    assert told("attempt 99")["message"] == "attempt 99"
