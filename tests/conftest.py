"""What several folders of tests share: fixtures, and which tests one process runs after another."""

from collections.abc import Iterator

import pytest

from e2e.cluster.light import LightCluster


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Groups for pytest-xdist: one process starts the server of a way of serving, or those of a file."""
    if not config.pluginmanager.hasplugin("xdist"):
        return
    for item in items:
        parameters = getattr(item, "callspec", None)
        ways = {"served", "served_alone"} & set(parameters.params if parameters else ())
        group = next((f"{way}-{parameters.params[way]}" for way in ways), None)  # type: ignore[union-attr]
        item.add_marker(pytest.mark.xdist_group(group or item.path.name))


@pytest.fixture(scope="session")
def light(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LightCluster]:
    """A real kube-apiserver with etcd and controller-manager, no node; one for each process."""
    with LightCluster(tmp_path_factory.mktemp("light")) as cluster:
        yield cluster
