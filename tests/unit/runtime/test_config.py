"""A configuration that cannot be obeyed is refused, by the name of the field."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

import mlapi_runtime
from mlapi_runtime import config, cpus, registry
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
        ("serving.fastPath", "no", "Expected `bool`, got `str` - at `$.serving.fastPath`"),
        ("app", "", "Expected `str` of length >= 1 - at `$.app`"),
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


def test_field_that_older_operators_do_not_write_has_its_default() -> None:
    document = configuration(Path("/models/m.onnx"))
    parsed = config.parse({"MLAPI_CONFIG": json.dumps(document)})
    assert (parsed.app, parsed.model.handler, parsed.serving.fast_path) == (None, None, True)


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that user code is imported from."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "site.py").write_text("import os\nclass Site: app = 1\nsite = Site()\n_hidden = 1\n")
    (tmp_path / "needy.py").write_text("import nowhere.to_be_found\n")
    (tmp_path / "broken.py").write_text("raise ValueError('no such user')\n")
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_attribute_of_a_module_is_found_however_deep(source: Path) -> None:
    assert registry.attribute("app", "shop.site:site.app") == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("shop.site", "app: found shop.site, wanted module:attribute, as in main:app"),
        (":app", "app: found :app, wanted module:attribute, as in main:app"),
        ("shp.site:app", "app: found no module shp; the image must hold it under /opt/app/src"),
        ("shop.sit:app", "app: found no module shop.sit; the image must hold it under /opt/app/src"),
        ("needy:app", "app: importing needy failed: No module named 'nowhere'; add the package to the image"),
        ("broken:app", "app: importing broken failed: ValueError: no such user"),
        ("shop.site:sit", "app: found no sit in shop.site, which has Site, site; correct shop.site:sit"),
        ("shop.site:site.ap", "app: found no ap in shop.site, which has app; correct shop.site:site.ap"),
    ],
)
def test_attribute_that_is_not_there_is_named_with_what_is(source: Path, text: str, says: str) -> None:
    with pytest.raises(config.ConfigError) as raised:
        registry.attribute("app", text)
    assert str(raised.value).startswith(says)


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
