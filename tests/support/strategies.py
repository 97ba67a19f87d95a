"""Hypothesis strategies: MLApis, and what may be observed of them."""

from collections.abc import Iterator
from copy import copy
from typing import Any

from hypothesis import strategies as st
from pydantic import ValidationError

from mlapi_operator.api.v1alpha1 import parse
from tests.support import kubelet
from tests.support.mlapis import VALID, merged, mlapi
from tests.support.recorded import controller_revision, pod
from tests.support.wrong_mlapis import INVALID

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
    kubelet.unschedulable(
        "0/3 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, "
        "2 Insufficient nvidia.com/gpu. preemption: 0/3 nodes are available."
    ),
    kubelet.unschedulable('0/1 nodes are available: persistentvolumeclaim "models" not found.'),
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


def sound() -> Object:
    spec: Object = mlapi({})["spec"]
    return spec


def _spec(cases: list[str]) -> Object:
    spec = sound()
    for case in cases:
        change = {member: value for member, value in VALID[case].items() if value is not None}
        spec = merged(spec, change)
    return spec


# What people write by mistake, tools by habit, and nobody. No null: the API server drops one without a word
# where an entry of a map is nothing, `mlapi validate` says so.
WORDS = ["", "1", "25%", "1Gi", "8.0", "a b", "Exists", "\n", "é"]
ODD: list[Any] = [True, -1, 0, 1.5, 2**31, 2**63, [], {}, *WORDS]


@st.composite
def doubtful_specs(draw: st.DrawFn) -> Object:
    """Of several rows of the tables at once, some with one odd value somewhere: many break a rule."""
    sound_ones, wrong_ones = list(VALID.values()), [row[1] for row in INVALID]
    changes = draw(st.sampled_from([sound_ones, sound_ones + wrong_ones]))
    spec = sound()
    for change in draw(st.lists(st.sampled_from(changes), max_size=4)):
        spec = merged(spec, change)
    if draw(st.booleans()):
        path = draw(st.sampled_from([path for path in paths(spec) if path]))
        spec = replaced(spec, path, draw(st.sampled_from(ODD)))
    return spec


def paths(node: Any) -> Iterator[tuple[Any, ...]]:
    yield ()
    members = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, member in members:
        yield from ((name, *path) for path in paths(member))


def replaced(node: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    node = copy(node)
    node[path[0]] = replaced(node[path[0]], path[1:], value)
    return node


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


SENTENCES = st.sampled_from(["", "2 nodes match", "errors rose from 0 % to 10 % (lower bound 8 %)"])
rollouts = st.fixed_dictionaries(
    {
        "strategy_used": st.sampled_from(["", "Surge", "InPlace", "RollingUpdate", "Recreate"]),
        "strategy_reason": st.just("one device of 2 is free"),
        "started_at": st.sampled_from([None, "2026-01-01T00:00:02Z"]),
        "message": SENTENCES,
        "paused": st.booleans(),
        "overdue": st.sampled_from(["", "", "no progress for 1200 s; look at the pod's log"]),
    }
)
NUMBERS = st.sampled_from([-1, 0, 1, 8])
devices = st.fixed_dictionaries(
    {
        "resource_name": st.sampled_from(["nvidia.com/gpu", "amd.com/gpu", "nvidia.com/mig-1g.10gb"]),
        "per_replica": st.sampled_from([1, 8]),
        "products": st.lists(st.sampled_from(["H100", "Tesla-T4"]), max_size=2, unique=True),
        "matching_nodes": NUMBERS,
        "free_devices": NUMBERS,
        "free_slots": NUMBERS,
        "near_miss": st.sampled_from(["", "no node has 80Gi per device (largest 79Gi); write 80G"]),
    }
)


@st.composite
def annotations(draw: st.DrawFn) -> Object:
    """What became of a revision."""
    result = draw(st.sampled_from(["", "Active", "Superseded", "RolledBack", "Failed"]))
    reason = draw(SENTENCES)
    noted = {"mlapi.dev/result": result, "mlapi.dev/reason": reason}
    return {name: value for name, value in noted.items() if value}


@st.composite
def recordings(draw: st.DrawFn) -> Object:
    """What `tests.support.recorded.facts_of` takes."""
    refused = draw(st.sampled_from([None, None, None, "NameConflict", "ImageNotFound", "ConfigMapNotFound"]))
    recorded: Object = {
        "revisions": [controller_revision(CURRENT, 2, **draw(annotations()))],
        "pods": draw(observed_pods()),
        "digests": draw(st.dictionaries(st.just(CURRENT), digests)),
        "latency": draw(st.none() | digests),
        "rollout": draw(st.none() | rollouts),
        "devices": draw(st.none() | devices),
    }
    if draw(st.booleans()):
        recorded["revisions"].append(controller_revision(OLD, 1, **draw(annotations())))
    if refused:
        recorded["refused"] = [refused, "said so"]
    else:
        known = [revision["metadata"]["name"] for revision in recorded["revisions"]]
        # After a rollback the older one is to run, while paused too; then the spec asks for the newer one.
        recorded["revision"] = draw(st.sampled_from(known))
        recorded["wanted"] = CURRENT
    smoke = draw(
        st.sampled_from([None, "", "WrongStatus", "TooSlow", "OldRevision", "Unreachable", "NotYetTried"])
    )
    if smoke is not None:
        recorded["smoke"] = {"at": "2026-01-01T00:00:06Z", **({"reason": smoke} if smoke else {})}
    failing = {"type": "ReplicaFailure", "status": "True", "message": 'pods "digits-5d9f-xyz0" is forbidden'}
    if draw(st.booleans()):
        recorded["deployment"] = {"status": {"conditions": [failing]}}
    return recorded
