"""Fixtures that several folders of tests share."""

from collections.abc import Iterator

import pytest

from e2e.cluster.light import LightCluster


@pytest.fixture(scope="session")
def light(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LightCluster]:
    """A real kube-apiserver with etcd and controller-manager, no node; one for the whole session."""
    with LightCluster(tmp_path_factory.mktemp("light")) as cluster:
        yield cluster
