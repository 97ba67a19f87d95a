"""A chart of one's own that holds the operator's and an MLApi is installed in one go."""

import shutil
from pathlib import Path

import yaml

from e2e.cluster.light import LightCluster
from e2e.kube import Kube
from tests.chart.conftest import CHART, GOLDEN, Helm

EXAMPLE = CHART.parents[1] / "examples" / "digits-fastapi.yaml"


def test_operator_and_mlapi_in_one_chart_are_installed_in_one_go(tmp_path: Path, helm: Helm) -> None:
    chart = tmp_path / "shop"
    shutil.copytree(CHART, chart / "charts" / CHART.name)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: shop\nversion: 1.0.0\n")
    values = yaml.safe_load((GOLDEN / "defaults" / "values.yaml").read_text())
    (chart / "values.yaml").write_text(yaml.safe_dump({CHART.name: values}))
    manifest = yaml.safe_load(EXAMPLE.read_text())
    manifest["metadata"]["namespace"] = "shop"
    (chart / "templates").mkdir()
    (chart / "templates" / "digits.yaml").write_text(yaml.safe_dump(manifest))
    # No CRD is there before, as on a cluster that never saw the operator.
    with LightCluster(tmp_path / "cluster") as cluster:
        arguments = ["install", "shop", chart, "--namespace=shop", "--create-namespace"]
        done = helm(*arguments, f"--kubeconfig={cluster.kubeconfig}")
        assert done.returncode == 0, done.stderr
        assert Kube(cluster.kubeconfig).get("MLApi", "shop", "digits")
