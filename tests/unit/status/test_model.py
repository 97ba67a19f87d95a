"""How the fetch of the model is told, from the kubelet's word and the fetching container's own."""

from typing import Any

import pytest

from mlapi_operator.observe.facts import Facts
from mlapi_operator.status.model import model_complete
from tests.support import kubelet
from tests.support.mlapis import mlapi
from tests.support.recorded import controller_revision, facts_of, pod

Object = dict[str, Any]
R = "digits-11111111"
PROGRESS = {
    "pod": "p",
    "state": "Downloading",
    "done_bytes": 250,
    "total_bytes": 1000,
    "bytes_per_second": 9,
    "remaining_seconds": 80,
}
RETRY = kubelet.pod_status(
    kubelet.running(
        "fetch",
        ready=False,
        lastState={
            "terminated": kubelet.end(75, '{"reason":"SourceUnreachable","message":"connection refused"}')
        },
    ),
    kubelet.waiting("server"),
)
BAD_RETRY = kubelet.pod_status(
    kubelet.running(
        "fetch",
        ready=False,
        lastState={
            "terminated": kubelet.end(65, '{"reason":"ChecksumMismatch","message":"found ab, wanted cd"}')
        },
    ),
    kubelet.waiting("server"),
)


def facts(*statuses: Object, progress: Object | None = None) -> Facts:
    pods = [pod(f"p{number}", R, status) for number, status in enumerate(statuses)]
    recorded: Object = {"revision": R, "revisions": [controller_revision(R)], "pods": pods}
    return facts_of(mlapi({}), recorded | ({"progress": progress} if progress else {}))


ROWS = {
    "no pod yet": (facts(), "Resolving", "no pod"),
    "fetching, size unknown": (facts(kubelet.fetching()), "Downloading", "being fetched"),
    "fetching, a quarter done": (facts(kubelet.fetching(), progress=PROGRESS), "Downloading", "25 %"),
    "trying again": (facts(RETRY), "SourceUnreachable", "connection refused"),
    "trying again, and bytes come": (facts(RETRY, progress=PROGRESS), "Downloading", "25 %"),
    "wrong file, being fetched again": (facts(BAD_RETRY), "ChecksumMismatch", "correct spec.model.sha256"),
    "out of memory": (
        facts(
            kubelet.pod_status(kubelet.terminated("fetch", 137, "", "OOMKilled"), kubelet.waiting("server"))
        ),
        "DownloadOOM",
        "memory",
    ),
    "a defect of the fetch itself": (
        facts(kubelet.pod_status(kubelet.terminated("fetch", 1, "Traceback"), kubelet.waiting("server"))),
        "SourceUnreachable",
        "exit code 1",
    ),
}


@pytest.mark.parametrize(("known", "reason", "words"), ROWS.values(), ids=ROWS)
def test_model_that_is_not_complete_says_why(known: Facts, reason: str, words: str) -> None:
    objection = model_complete(known)
    assert objection is not None
    assert objection.reason.name == reason
    assert words in objection.message


def test_model_is_available_once_one_pod_has_it() -> None:
    assert model_complete(facts(kubelet.fetching(), kubelet.loading())) is None
    assert model_complete(facts(kubelet.ready(), RETRY)) is None
