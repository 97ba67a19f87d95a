"""What the kubelet says about an image becomes a reason that tells who must act."""

import pytest

from mlapi_operator.observe.facts import Facts
from mlapi_operator.status.image import image_pulled
from tests.support import kubelet
from tests.support.mlapis import mlapi
from tests.support.recorded import controller_revision, facts_of, pod

REVISION = "digits-11111111"
PREFIX = 'Back-off pulling image "r/x@sha256:00": ErrImagePull: '
CASES = [
    (
        "containerd, no such manifest",
        "failed to resolve reference: r/x@sha256:00: not found",
        "ImageNotFound",
    ),
    (
        "Docker Hub, hidden or absent",
        "pull access denied, repository does not exist or may require authorization: insufficient_scope",
        "PullDenied",
    ),
    (
        "private registry",
        "failed to authorize: failed to fetch anonymous token: 401 Unauthorized",
        "PullDenied",
    ),
    ("cloud registry", "unexpected status from HEAD request: 403 Forbidden", "PullDenied"),
    ("registry API", "manifest unknown: manifest unknown", "ImageNotFound"),
    ("no answer", 'Get "https://r/v2/": dial tcp 10.0.0.1:443: i/o timeout', "RegistryUnreachable"),
    ("no name", "dial tcp: lookup r on 10.96.0.10:53: no such host", "RegistryUnreachable"),
    (
        "wrong certificate",
        "tls: failed to verify certificate: x509: signed by unknown authority",
        "RegistryUnreachable",
    ),
]


def facts(status: dict[str, object]) -> Facts:
    recorded = {
        "revision": REVISION,
        "revisions": [controller_revision(REVISION)],
        "pods": [pod("p", REVISION, status)],
    }
    return facts_of(mlapi({}), recorded)


@pytest.mark.parametrize(("message", "reason"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_pull_failure_has_one_reason_and_message_while_kubelet_tries_and_waits(
    message: str, reason: str
) -> None:
    trying = image_pulled(facts(kubelet.pulling("ErrImagePull", message)))
    waiting = image_pulled(facts(kubelet.pulling("ImagePullBackOff", PREFIX + message)))
    assert trying is not None
    assert trying.reason.name == reason
    assert message in trying.message
    assert trying == waiting


def test_image_that_ran_in_one_pod_is_ready_though_another_node_cannot_pull_it() -> None:
    pods = [
        pod("a", REVISION, kubelet.pulling("ErrImagePull", "not found")),
        pod("b", REVISION, kubelet.fetching()),
    ]
    recorded = {"revision": REVISION, "revisions": [controller_revision(REVISION)], "pods": pods}
    assert image_pulled(facts_of(mlapi({}), recorded)) is None
