"""`mlapi status` against a real API server: what a user reads, and what a script gets."""

import asyncio
from pathlib import Path

import pytest
import yaml

from e2e.cluster.light import LightCluster
from e2e.kube import Kube
from tests.support import kubelet, statuses
from tests.support.faults import Answer, FaultProxy
from tests.support.operating import operating
from tests.support.parts import mlapi as manifest
from tests.support.parts import until
from tests.support.scenes import live, make_ready, pods, seen, set_status
from tests.support.terminal import mlapi


@pytest.fixture(autouse=True)
def kubeconfig(light: LightCluster, admin: Kube, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of the operator, where a test runs one."""
    monkeypatch.setenv("KUBECONFIG", str(light.kubeconfig))
    return light.kubeconfig


def written(admin: Kube, namespace: str, status: statuses.Object) -> None:
    """An MLApi digits of that status."""
    admin.create("MLApi", namespace, manifest(namespace, "digits"))
    admin.patch("MLApi", namespace, "digits", {"status": status}, "/status")


def edited(kubeconfig: Path, folder: Path, **context: str) -> Path:
    """The kubeconfig with another context beside the present one, which is then nobody's."""
    config = yaml.safe_load(kubeconfig.read_text())
    present = next(each for each in config["contexts"] if each["name"] == config["current-context"])
    config["contexts"].append({"name": "other", "context": {**present["context"], **context}})
    config["current-context"] = "nobody"
    file = folder / "kubeconfig"
    file.write_text(yaml.safe_dump(config))
    return file


async def test_status_of_one_that_the_operator_made_ready_exits_with_zero(
    kubeconfig: Path, admin: Kube, namespace: str
) -> None:
    async with operating():
        made = await make_ready(admin, namespace)

        def recorded() -> bool:
            return any(event["reason"] == "Ready" for event in admin.list("Event", namespace))

        await until("the event of its status", recorded)
    done = mlapi(kubeconfig, "status", "digits", "-n", namespace)
    assert (done.returncode, done.stderr) == (0, "")
    revision = made["status"]["rollout"]["revision"]
    lines = done.stdout.split("\n")
    assert lines[0].startswith(f"{namespace}/digits: Ready, answering for ")
    assert f"Runs      FastAPI, revision {revision}" in lines
    assert f"URL       http://digits.{namespace}.svc" in lines
    assert "Replicas  1 ready of 1, 1 up to date" in lines
    assert any(each.split()[-2:] == ["-", "Active"] and revision in each for each in lines)
    assert any("Ready" in each and "answers at" in each for each in lines[lines.index("Events") :])
    assert "What to do next" not in done.stdout


async def test_status_of_one_that_crashes_names_cause_log_and_remedy(
    kubeconfig: Path, admin: Kube, namespace: str
) -> None:
    async with operating():
        admin.create("MLApi", namespace, manifest(namespace, "digits"))
        (pod,) = await pods(admin, namespace)
        set_status(admin, pod, kubelet.crashed(1, '{"reason":"LoadFailed","message":"no such opset"}'))
        await seen(admin, namespace, "Available", "False", "LoadFailed")
    done = mlapi(kubeconfig, "status", "digits", "-n", namespace)
    assert done.returncode == 1
    assert "Available=False/LoadFailed" in done.stdout
    assert f"LoadFailed with exit code 1, {pod['metadata']['name']}, container server: no such" in done.stdout
    revision = live(admin, namespace)["status"]["rollout"]["revision"]
    assert (
        f"  kubectl logs -n {namespace} -l mlapi.dev/name=digits,mlapi.dev/revision={revision} "
        "-c server --previous --tail=50\n" in done.stdout
    )


def test_status_of_a_rollback_is_read_back_as_the_operator_wrote_it(
    kubeconfig: Path, admin: Kube, namespace: str
) -> None:
    written(admin, namespace, statuses.rolled_back())
    done = mlapi(kubeconfig, "status", "digits", "-n", namespace)
    assert done.returncode == 1
    assert f"Runs      Litestar, revision {statuses.OLD}\n" in done.stdout
    assert "    10 %  RolledBack\n" in done.stdout
    assert f"  {statuses.NEW}:  {statuses.WORSE}\n" in done.stdout
    assert f"  mlapi history digits -n {namespace} --revision {statuses.NEW}\n" in done.stdout


def test_status_of_one_that_waits_for_a_gpu_shows_the_devices(
    kubeconfig: Path, admin: Kube, namespace: str
) -> None:
    written(admin, namespace, statuses.waiting_for_gpu())
    done = mlapi(kubeconfig, "status", "digits", "-n", namespace)
    assert done.returncode == 1
    assert "GPU       1 x nvidia.com/gpu per pod, H100, 2 nodes match, 0 devices free; the" in done.stdout
    assert "InPlace (no matching device is free); waiting for a device\n" in done.stdout


def test_status_that_is_about_an_older_spec_is_not_ready(
    kubeconfig: Path, admin: Kube, namespace: str
) -> None:
    written(admin, namespace, statuses.ready())
    assert mlapi(kubeconfig, "status", "digits", "-n", namespace).returncode == 0
    admin.patch("MLApi", namespace, "digits", {"spec": {"replicas": 2}})
    done = mlapi(kubeconfig, "status", "digits", "-n", namespace)
    assert done.returncode == 1
    assert done.stdout.startswith(f"{namespace}/digits: the operator has not looked at the present spec yet")


def test_context_and_kubeconfig_lead_there_and_into_the_commands_that_are_shown(
    kubeconfig: Path, admin: Kube, namespace: str, tmp_path: Path
) -> None:
    written(admin, namespace, statuses.rolled_back())
    file = edited(kubeconfig, tmp_path, namespace=namespace)
    done = mlapi(None, "status", "digits", "--kubeconfig", str(file), "--context", "other")
    assert done.returncode == 1
    options = f"-n {namespace} --context other --kubeconfig {file}"
    assert f"mlapi rollback digits {options}\n" in done.stdout


def test_status_of_a_wrong_name_offers_the_one_that_is_meant(
    kubeconfig: Path, admin: Kube, namespace: str
) -> None:
    written(admin, namespace, statuses.ready())
    done = mlapi(kubeconfig, "status", "digit", "-n", namespace)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"mlapi: namespace {namespace} has no MLApi digit: it has digits; -n names another namespace\n"
    )


async def test_status_where_no_operator_was_ever_installed_says_so(
    proxy: FaultProxy, tmp_path: Path, namespace: str
) -> None:
    proxy.fail("*", "mlapis", Answer(404))  # as for the path of any kind that is not there
    done = await asyncio.to_thread(mlapi, proxy.kubeconfig(tmp_path), "status", "digits", "-n", namespace)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"mlapi: {proxy.url} knows no mlapis: the operator is not installed there")


def test_status_without_a_way_to_the_cluster_says_what_is_missing(kubeconfig: Path, tmp_path: Path) -> None:
    lost = mlapi(None, "status", "digits")
    assert lost.returncode == 2
    assert "no kubeconfig at ~/.kube/config; name one with --kubeconfig or $KUBECONFIG" in lost.stderr
    unknown = mlapi(kubeconfig, "status", "digits", "--context", "prod")
    assert unknown.returncode == 2
    assert "name prod in" in unknown.stderr
    broken = tmp_path / "broken"
    broken.write_text("just words")
    assert "not a kubeconfig" in mlapi(broken, "status", "digits").stderr
    config = yaml.safe_load(kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    broken.write_text(yaml.safe_dump(config))
    silent = mlapi(broken, "status", "digits")
    assert silent.returncode == 2
    assert "no answer from https://127.0.0.1:1" in silent.stderr
    assert "Traceback" not in lost.stderr + unknown.stderr + silent.stderr


def test_status_of_a_user_without_rights_says_which_are_missing(
    kubeconfig: Path, admin: Kube, namespace: str, tmp_path: Path
) -> None:
    written(admin, namespace, statuses.ready())
    admin.kubectl("create", "serviceaccount", "guest", "-n", namespace)
    token = admin.kubectl("create", "token", "guest", "-n", namespace).strip()
    config = yaml.safe_load(kubeconfig.read_text())
    for each in config["users"]:
        each["user"] = {"token": token}
    guest = tmp_path / "guest"
    guest.write_text(yaml.safe_dump(config))
    refused = mlapi(guest, "status", "digits", "-n", namespace)
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"mlapi: getting MLApi {namespace}/digits is not allowed: ")
    # With the right to see MLApis alone, the page lacks the events and says so.
    admin.kubectl("create", "role", "see", "-n", namespace, "--verb=get", "--resource=mlapis.mlapi.dev")
    admin.kubectl(
        "create", "rolebinding", "see", "-n", namespace, "--role=see", f"--serviceaccount={namespace}:guest"
    )
    done = mlapi(guest, "status", "digits", "-n", namespace)
    assert done.returncode == 0, done.stderr
    assert "Events\n  you may not read events\n" in done.stdout
    for each in config["users"]:
        each["user"] = {"token": "expired"}
    guest.write_text(yaml.safe_dump(config))
    assert "does not accept the credentials" in mlapi(guest, "status", "digits", "-n", namespace).stderr
