"""What is another at every attempt is taken out of other people's words; all else stays."""

import pytest

from mlapi_operator.observe.wording import steady

POD = "digits-5d9f-x2x4x"
UID = "5f0c9a4e-0000-4000-8000-000000000001"
ROWS = {
    "a container's name and the holder's id": (
        f'failed to reserve container name "server_{POD}_team-a_{UID}_3": reserved for "{"0af1" * 16}"',
        'failed to reserve container name "server_(pod)": reserved for "(id)"',
    ),
    "the port that was asked from": (
        "lookup r on 10.96.0.10:53: read udp 10.244.0.5:43211->10.96.0.10:53: i/o timeout",
        "lookup r on 10.96.0.10:53: read udp 10.244.0.5->10.96.0.10:53: i/o timeout",
    ),
    "a signed address": (
        'Get "https://s3.example.com/blobs/x?X-Amz-Signature=abc&X-Amz-Date=1": 403 Forbidden',
        'Get "https://s3.example.com/blobs/x": 403 Forbidden',
    ),
    "a pod and its uid": (f"failed to mount for pod {POD} ({UID})", "failed to mount for pod (pod) ((uid))"),
    "a digest stays": (f"r/x@sha256:{'0' * 64}: not found", f"r/x@sha256:{'0' * 64}: not found"),
    "another pod stays": (f"{POD}-2 and my-{POD}", f"{POD}-2 and my-{POD}"),
    "a Secret stays": ('secret "keys" not found', 'secret "keys" not found'),
}


@pytest.mark.parametrize(("said", "told"), ROWS.values(), ids=ROWS)
def test_words_lose_what_is_another_at_every_attempt(said: str, told: str) -> None:
    assert steady(said, POD, UID) == told
