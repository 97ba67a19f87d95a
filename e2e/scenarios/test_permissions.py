"""The operator asks for what its role allows, and its role allows what it asks for.

Runs after the other scenarios: their requests, as the API server recorded them, are what is judged.
"""

import pytest
from e2e.rbac import granted, optional

from e2e.audit import Entry
from e2e.world import Installation

pytestmark = pytest.mark.node


@pytest.fixture
def asked(installation: Installation) -> list[Entry]:
    found = [entry for entry in installation.audit.entries() if entry.resource]
    if not any(entry.resource == "mlapis" for entry in found):
        pytest.skip("no scenario ran before")
    return found


def test_no_request_of_the_operator_was_ever_forbidden(asked: list[Entry]) -> None:
    assert [entry for entry in asked if entry.code in (401, 403)] == []


def test_every_verb_of_the_role_was_used_or_is_marked_optional(asked: list[Entry]) -> None:
    used = {(entry.group, _resource(entry), entry.verb) for entry in asked}
    assert granted() - used - optional() == set()


def _resource(entry: Entry) -> str:
    return f"{entry.resource}/{entry.subresource}" if entry.subresource else entry.resource
