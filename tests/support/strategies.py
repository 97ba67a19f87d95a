"""Hypothesis strategies: MLApis, and what may be observed of them."""

from typing import Any

from hypothesis import strategies as st
from pydantic import ValidationError

from mlapi_operator.api.v1alpha1 import parse
from tests.support import kubelet
from tests.support.mlapis import VALID, merged
from tests.support.recorded import controller_revision, pod

Object = dict[str, Any]

CURRENT = "digits-11111111"
OLD = "digits-00000000"

PULL_ERRORS = [
    'Back-off pulling image "r/x": ErrImagePull: r/x: not found',
    "failed to authorize: 401 Unauthorized",
    "dial tcp 10.0.0.1:5000: i/o timeout",
]
POD_STATUSES = [
    {},
    kubelet.unschedulable("0/1 nodes are available: 1 Insufficient cpu. preemption: none"),
    kubelet.unschedulable("0/1 nodes are available: 1 node(s) had untolerated taint {a: b}."),
    kubelet.unschedulable("no nodes available to schedule pods"),
    kubelet.pod_status(kubelet.waiting("fetch"), kubelet.waiting("server")),
    *(kubelet.pulling("ErrImagePull", message) for message in PULL_ERRORS),
    *(kubelet.pulling("ImagePullBackOff", message) for message in PULL_ERRORS),
    kubelet.fetching(),
    *(
        kubelet.fetch_failed(code, reason, "said so")
        for code, reason in (
            (65, "ChecksumMismatch"),
            (65, "NotFound"),
            (75, "SourceUnreachable"),
            (65, "Nonsense"),
        )
    ),
    kubelet.runtime_missing(),
    kubelet.loading(),
    kubelet.config_error('secret "keys" not found'),
    kubelet.crashed(137, reason="OOMKilled"),
    kubelet.crashed(1, '{"reason":"LoadFailed","message":"no model"}'),
    kubelet.crashed(139, "Segmentation fault"),
    kubelet.ready(),
    {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."},
]

specs = st.builds(
    lambda changes: _spec(changes),
    st.lists(st.sampled_from(sorted(VALID)), max_size=4, unique=True),
)


def _spec(cases: list[str]) -> Object:
    spec: Object = {
        "framework": {"name": "FastAPI"},
        "model": {"uri": "https://models.example.com/digits.onnx"},
    }
    for case in cases:
        change = {member: value for member, value in VALID[case].items() if value is not None}
        spec = merged(spec, change)
    return spec


@st.composite
def mlapis(draw: st.DrawFn) -> Object:
    """Some break a rule, as objects stored under another release's CRD may."""
    metadata = {"name": "digits", "namespace": "team-a", "uid": "u-1", "generation": draw(st.integers(1, 9))}
    return {
        "apiVersion": "mlapi.dev/v1alpha1",
        "kind": "MLApi",
        "metadata": metadata,
        "spec": draw(specs),
    }


def parses(mlapi: Object) -> bool:
    try:
        parse(mlapi)
    except ValidationError:
        return False
    return True


valid_mlapis = mlapis().filter(parses)


@st.composite
def observed_pods(draw: st.DrawFn) -> list[Object]:
    found = []
    for number in range(draw(st.integers(0, 4))):
        leaving = {"deletionTimestamp": kubelet.LOADED} if draw(st.integers(0, 3)) == 0 else {}
        revision = draw(st.sampled_from([CURRENT, CURRENT, OLD, ""]))
        status = draw(st.sampled_from(POD_STATUSES))
        found.append(pod(f"digits-5d9f-xyz{number}", revision, status, **leaving))
    return found


digests = st.fixed_dictionaries(
    {
        "window_seconds": st.just(300),
        "sampled_at": st.sampled_from([None, "2026-01-01T00:00:58Z"]),
        "requests": st.sampled_from([-1, 0, 29, 30, 5000]),
        "error_percent": st.integers(-1, 100),
        "p95_microseconds": st.sampled_from([-1, 1, 999, 4240, 60_000_000]),
    }
)


@st.composite
def recordings(draw: st.DrawFn) -> Object:
    """What `tests.support.recorded.facts_of` takes."""
    refused = draw(st.sampled_from([None, None, None, "NameConflict", "ImageNotFound", "ConfigMapNotFound"]))
    results = draw(st.sampled_from([{}, {"mlapi.dev/result": "Active"}, {"mlapi.dev/result": "Superseded"}]))
    recorded: Object = {
        "revisions": [controller_revision(CURRENT, 2, **results)],
        "pods": draw(observed_pods()),
        "digests": draw(st.dictionaries(st.just(CURRENT), digests)),
        "latency": draw(st.none() | digests),
    }
    if draw(st.booleans()):
        recorded["revisions"].append(controller_revision(OLD, 1, **{"mlapi.dev/result": "Active"}))
    if refused:
        recorded["refused"] = [refused, "said so"]
    else:
        recorded["revision"] = CURRENT
    smoke = draw(
        st.sampled_from([None, "", "WrongStatus", "TooSlow", "OldRevision", "Unreachable", "NotYetTried"])
    )
    if smoke is not None:
        recorded["smoke"] = {"at": "2026-01-01T00:00:06Z", **({"reason": smoke} if smoke else {})}
    failing = {"type": "ReplicaFailure", "status": "True", "message": 'pods "digits-5d9f-xyz0" is forbidden'}
    if draw(st.booleans()):
        recorded["deployment"] = {"status": {"conditions": [failing]}}
    return recorded
