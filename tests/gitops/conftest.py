"""The engines of those who wait for an MLApi."""

from collections.abc import Iterator

import pytest

from e2e.verdicts import Judges, judges


@pytest.fixture(scope="session")
def asked() -> Iterator[Judges]:
    with judges() as found:
        yield found
