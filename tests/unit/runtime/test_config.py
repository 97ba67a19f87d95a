"""A configuration that cannot be obeyed is refused, by the name of the field."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

import mlapi_runtime
from mlapi_runtime import config, cpus
from mlapi_runtime.fetch import order
from tests.support.serving import configuration


def changed(path: str, value: Any) -> dict[str, str]:
    document = configuration(Path("/models/m.onnx"))
    *parents, last = path.split(".")
    place: Any = document
    for parent in parents:
        place = place[parent]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return {"MLAPI_CONFIG": json.dumps(document)}


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("serving.workers", 0, "Expected `int` >= 1 - at `$.serving.workers`"),
        ("serving.workers", 65, "Expected `int` <= 64 - at `$.serving.workers`"),
        ("serving.maxConcurrency", 1.5, "Expected `int`, got `float` - at `$.serving.maxConcurrency`"),
        ("model.path", None, "Object missing required field `path` - at `$.model`"),
        ("serving.gpu", 1, "Object contains unknown field `gpu` - at `$.serving`"),
        ("logRequests", "All", "Invalid enum value 'All' - at `$.logRequests`"),
    ],
)
def test_field_that_is_wrong_is_named(path: str, value: Any, says: str) -> None:
    with pytest.raises(config.ConfigError) as raised:
        config.parse(changed(path, value))
    assert str(raised.value) == f"MLAPI_CONFIG: {says}"


def test_absent_configuration_is_said_to_be_so() -> None:
    with pytest.raises(config.ConfigError, match="MLAPI_CONFIG: not set"):
        config.parse({})
    with pytest.raises(config.ConfigError, match="MLAPI_FETCH: not set"):
        order.parse({})


def test_each_worker_admits_its_share_rounded_up() -> None:
    parsed = config.parse(changed("serving.workers", 3))
    assert parsed.serving.concurrency_per_worker == 34


def test_networks_that_are_none_are_named() -> None:
    document = {
        "uri": "https://h/m.onnx", "sha256": None, "maxBytes": 1, "allowedCIDRs": ["10.0.0.1/8"],
        "caFile": None, "directory": "/models",
    }  # fmt: skip
    with pytest.raises(config.ConfigError, match=r"10.0.0.1/8 has host bits set - at `\$.allowedCIDRs`"):
        order.parse({"MLAPI_FETCH": json.dumps(document)})


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        ({"cpu.max": "150000 100000\n"}, 1),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({}, None),
    ],
)
def test_cpus_are_those_of_the_quota(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], wanted: int | None
) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    monkeypatch.setattr(cpus, "CGROUP", tmp_path)
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 1, 2, 3})
    assert cpus.available() == (wanted or 4)


def test_version_is_that_of_the_distribution() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    assert mlapi_runtime.__version__ == project["version"]
