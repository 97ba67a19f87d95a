"""Observations of tests.support.strategies, and other people's words that nobody foresaw."""

from typing import Any

from hypothesis import strategies as st

from tests.support import kubelet
from tests.support.recorded import pod
from tests.support.strategies import CURRENT, OLD, recordings

Object = dict[str, Any]

GATED = {
    "phase": "Pending",
    "conditions": [kubelet.condition("PodScheduled", False, reason="SchedulingGated")],
}
UNMATCHED = "0/9 nodes are available: 9 node(s) didn't match Pod's node affinity/selector."

words = st.text(max_size=20) | st.text(max_size=4).map(lambda text: text * 1800)


@st.composite
def waiting_pods(draw: st.DrawFn) -> list[Object]:
    text = draw(words)
    statuses = [
        GATED,
        kubelet.unschedulable(UNMATCHED),
        kubelet.unschedulable(text),
        kubelet.config_error(text),
        kubelet.crashed(draw(st.integers(-1, 255)), text, reason=text),
        kubelet.pulling("ErrImagePull", text),
    ]
    chosen = draw(st.lists(st.sampled_from(statuses), max_size=2))
    return [
        pod(f"digits-5d9f-abc{number}", draw(st.sampled_from([CURRENT, OLD])), each, uid=f"5f0c9a4e-{number}")
        for number, each in enumerate(chosen)
    ]


@st.composite
def observations(draw: st.DrawFn) -> Object:
    """What `tests.support.recorded.facts_of` takes."""
    recorded = draw(recordings())
    recorded["pods"] += draw(waiting_pods())
    for revision in recorded["revisions"]:
        if draw(st.booleans()):
            revision["metadata"]["annotations"]["mlapi.dev/answered"] = kubelet.LOADED
    if recorded["devices"]:
        recorded["devices"]["products"] *= draw(st.sampled_from([1, 50]))
        recorded["devices"]["near_miss"] += draw(words)
    if "smoke" in recorded:
        recorded["smoke"]["message"] = "GET /_mlapi/smoke said so"
    return recorded
