"""The operator asks for what its role allows, and its role allows what it asks for.

Runs after the other scenarios: their requests, as the API server recorded them, are what is judged.
"""

import pytest

from e2e.audit import Entry
from e2e.rbac import granted, optional, used
from e2e.world import Installation

pytestmark = pytest.mark.node


@pytest.fixture
def asked(installation: Installation) -> list[Entry]:
    found = [entry for entry in installation.audit.entries() if entry.resource]
    if not any(entry.resource == "mlapis" for entry in found):
        pytest.skip("no scenario ran before")
    return found


def test_no_request_of_the_operator_was_ever_forbidden(asked: list[Entry]) -> None:
    assert [entry for entry in asked if not entry.allowed or entry.code == 401] == []


def test_every_verb_of_the_roles_was_used_or_is_marked_optional(
    asked: list[Entry], installation: Installation
) -> None:
    assert granted(installation.kube) - used(asked) - optional() == set()
