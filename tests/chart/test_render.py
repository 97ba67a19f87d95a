"""What Helm makes of the chart, compared with files that people read."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from mlapi_operator.settings import VARIABLES, Settings
from tests.chart.conftest import CHART, GOLDEN, Helm, Object

CASES = sorted(folder.name for folder in GOLDEN.iterdir())


@pytest.mark.parametrize("case", CASES)
def test_chart_with_values_renders_the_golden_manifests(
    case: str, render: Callable[[Path], str], pytestconfig: pytest.Config
) -> None:
    expected = GOLDEN / case / "expected.yaml"
    rendered = render(expected.with_name("values.yaml"))
    if pytestconfig.getoption("--update-golden", default=False):
        expected.write_text(rendered)
    assert rendered == expected.read_text()


def test_chart_as_it_stands_passes_strict_lint(helm: Helm) -> None:
    done = helm("lint", "--strict", CHART)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("case", CASES)
def test_chart_with_values_passes_strict_lint(case: str, helm: Helm) -> None:
    done = helm("lint", "--strict", CHART, "--values", GOLDEN / case / "values.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


def environment(manifests: list[Object]) -> dict[str, str]:
    """The variables of the operator's container; what Kubernetes fills in is `filled-in`."""
    deployment = next(manifest for manifest in manifests if manifest["kind"] == "Deployment")
    variables = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
    return {variable["name"]: variable.get("value", "filled-in") for variable in variables}


def test_environment_with_defaults_gives_the_operator_its_own_defaults(
    objects: Callable[[str], list[Object]],
) -> None:
    found = Settings.from_environment(environment(objects("defaults")))
    image = yaml.safe_load((GOLDEN / "defaults" / "values.yaml").read_text())["images"]["fastapi"]
    assert found == Settings.from_environment(
        {"POD_NAME": "filled-in", "POD_NAMESPACE": "filled-in", "MLAPI_IMAGES_FASTAPI": image}
    )


def test_environment_with_every_value_set_changes_every_setting(
    objects: Callable[[str], list[Object]],
) -> None:
    variables = environment(objects("everything"))
    assert set(variables) == set(VARIABLES)
    values = yaml.safe_load((GOLDEN / "everything" / "values.yaml").read_text())
    found = Settings.from_environment(variables)
    assert found == Settings.model_validate(
        {
            "watch_namespaces": values["watchNamespaces"],
            "images": {name.lower(): image for name, image in values["images"].items()},
            "fetch": {
                "allowed_cidrs": values["fetch"]["allowedCIDRs"],
                "ca_config_map": values["fetch"]["caConfigMap"],
                "max_bytes": values["fetch"]["maxBytes"],
            },
            "sampling_seconds": values["sampling"]["seconds"],
            "latency_window_seconds": values["latencyWindowSeconds"],
            "status_writes_per_second": values["statusWritesPerSecond"],
            "resync_seconds": values["resyncSeconds"],
            "lease_duration_seconds": values["lease"]["durationSeconds"],
            "lease_renew_seconds": values["lease"]["renewSeconds"],
            "log_level": values["logLevel"],
            "log_format": values["logFormat"],
            "namespace": "filled-in",
            "pod_name": "filled-in",
        }
    )


GOOD = yaml.safe_load((GOLDEN / "defaults" / "values.yaml").read_text())
REFUSED = {
    "a value that is unknown": ({"replicas": 3}, "additional properties 'replicas' not allowed"),
    "an image by tag": ({"images": {"fastapi": "example.com/fastapi:v1"}}, "/images/fastapi"),
    "an image by tag of the last framework": (
        {"images": {"djangoNinja": "example.com/ninja:v1"}},
        "/images/djangoNinja",
    ),
    "an image of another framework": ({"images": {"flask": ""}}, "'flask' not allowed"),
    "a digest cut short": ({"image": {"digest": "sha256:1234"}}, "/image/digest"),
    "no image": ({"image": {"repository": ""}}, "image.repository is empty"),
    "no digest": ({"image": {"digest": ""}}, "image.digest is empty"),
    "an address that is no range": ({"fetch": {"allowedCIDRs": ["10.0.0.1"]}}, "/fetch/allowedCIDRs/0"),
    "a size that is no number": ({"fetch": {"maxBytes": "100Gi"}}, "/fetch/maxBytes"),
    "an interval of nothing": ({"sampling": {"seconds": 0}}, "/sampling/seconds"),
    "a renewal later than the end": ({"lease": {"renewSeconds": 10}}, "lease.renewSeconds is 10"),
    "a pattern of namespaces": ({"watchNamespaces": ["team-*"]}, "/watchNamespaces/0"),
    "a namespace named twice": ({"watchNamespaces": ["team-a", "team-a"]}, "/watchNamespaces"),
    "a log level that is unknown": ({"logLevel": "LOUD"}, "/logLevel"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_chart_with_a_wrong_value_is_refused_by_name(case: str, helm: Helm, tmp_path: Path) -> None:
    change, named = REFUSED[case]
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump(change))
    done: subprocess.CompletedProcess[str] = helm(
        "template", "x", CHART, "--values", GOLDEN / "defaults" / "values.yaml", "--values", values
    )
    assert done.returncode != 0
    assert named in done.stderr


def test_chart_with_a_parent_chart_takes_global_values(helm: Helm, tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump({**GOOD, "global": {"region": "eu"}}))
    assert helm("template", "x", CHART, "--values", values).returncode == 0


def test_chart_for_a_few_namespaces_makes_nothing_outside_of_them(
    objects: Callable[[str], list[Object]],
) -> None:
    watched = yaml.safe_load((GOLDEN / "everything" / "values.yaml").read_text())["watchNamespaces"]
    for manifest in objects("everything"):
        assert manifest["metadata"].get("namespace") in ("mlapi-system", *watched), manifest["kind"]
