"""The operator does its work with no more than the chart's roles allow."""

import signal
import subprocess
from pathlib import Path

import yaml

from e2e.cluster.components import component
from e2e.kube import Kube, condition
from tests.support.faults import FaultProxy
from tests.support.parts import mlapi, until
from tests.support.process import IMAGE, operator_process

RBAC = ("ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")


def roles(namespace: str) -> list[dict[str, object]]:
    """What the chart would install for its service account, in this namespace."""
    command = [str(component("helm")), "template", "mlapi-operator", "charts/mlapi-operator"]
    command += ["--namespace", namespace, "--set", f"images.fastapi={IMAGE}"]
    command += [
        "--set",
        f"image.repository=registry.example.com/operator,image.digest={IMAGE.partition('@')[2]}",
    ]
    rendered = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [each for each in yaml.safe_load_all(rendered) if each and each["kind"] in RBAC]


async def test_operator_with_the_charts_roles_alone_is_refused_nothing(
    admin: Kube, namespace: str, tmp_path: Path
) -> None:
    granted = roles(namespace)
    admin.apply(*granted)
    user = f"system:serviceaccount:{namespace}:mlapi-operator"
    async with (
        FaultProxy(admin.kubeconfig, user, ["system:serviceaccounts", "system:authenticated"]) as proxy,
        operator_process(proxy.kubeconfig(tmp_path), namespace, tmp_path, "operator") as operator,
    ):
        await until("ready", operator.ready)
        await until("watching", lambda: proxy.watching("configmaps"))
        admin.create("MLApi", namespace, mlapi(namespace, "digits"))
        await until("Accepted", lambda: accepted(admin, namespace))
        await until("the Service", lambda: admin.get("Service", namespace, "digits"))
        admin.delete("Service", namespace, "digits")
        await until("the Service back", lambda: admin.get("Service", namespace, "digits"))
        admin.patch("MLApi", namespace, "digits", {"spec": {"suspend": True}})
        await until("suspended", lambda: suspended(admin, namespace))
        await until("an event", lambda: ("apply", "events") in proxy.counts())
        operator.send(signal.SIGTERM)
        assert await operator.ended() == 0
        assert [each for each in proxy.requests if each.code in (401, 403)] == []
        assert "ermission" not in operator.log
    admin.run("kubectl", "delete", "-f", "-", stdin=yaml.safe_dump_all(granted))


def accepted(admin: Kube, namespace: str) -> bool:
    return bool(condition(admin.get("MLApi", namespace, "digits"), "Accepted")["status"] == "True")


def suspended(admin: Kube, namespace: str) -> bool:
    found = admin.get("Deployment", namespace, "digits")
    return bool(found and found["spec"]["replicas"] == 0)
