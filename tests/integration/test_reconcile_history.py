"""Revisions are held back, come back, are upgraded and forgotten as spec.rollout says."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from e2e.cluster.light import LightCluster
from e2e.kube import Kube, condition
from mlapi_operator.desired.pod_template import pod_template
from mlapi_operator.settings import Images
from tests.support.operating import SETTINGS, Operating, operating
from tests.support.parts import mlapi, until
from tests.support.played import played
from tests.support.scenes import live, quiet

Object = dict[str, Any]


@pytest.fixture(autouse=True)
def kubeconfig(light: LightCluster, admin: Kube, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(light.kubeconfig))


def env(value: str) -> Object:
    return {"env": [{"name": "A", "value": value}]}


def change(admin: Kube, namespace: str, **spec: Any) -> None:
    admin.patch("MLApi", namespace, "digits", {"spec": spec})


def deployed(admin: Kube, namespace: str) -> Object:
    found = admin.get("Deployment", namespace, "digits")
    assert found is not None
    return found


def runs(admin: Kube, namespace: str) -> str:
    name: str = deployed(admin, namespace)["spec"]["template"]["metadata"]["labels"]["mlapi.dev/revision"]
    return name


def numbers(admin: Kube, namespace: str) -> dict[str, int]:
    return {
        each["metadata"]["name"]: each["revision"] for each in admin.list("ControllerRevision", namespace)
    }


def result(admin: Kube, namespace: str, name: str) -> str:
    found = live(admin, namespace)["status"]["revisions"]
    return next((str(each.get("result", "")) for each in found if each["name"] == name), "")


async def accepted(admin: Kube, namespace: str, holds: Callable[[str], bool] = bool) -> str:
    """Name of the revision that was accepted last, once that is one to expect and it answers alone."""

    def look() -> str:
        found = live(admin, namespace)
        shown = (found.get("status") or {}).get("rollout") or {}
        name: str = shown.get("stableRevision", "")
        is_ready = condition(found, "Ready")["status"] == "True" and name == shown["revision"]
        return name if is_ready and holds(name) else ""

    try:
        name: str = await until("an accepted revision", look, 30)
    except AssertionError as error:
        raise AssertionError(f"{error}: {live(admin, namespace).get('status')}") from None
    return name


async def create(admin: Kube, namespace: str, **rollout: Any) -> str:
    manifest = mlapi(namespace, "digits")
    manifest["spec"]["rollout"] = {"bakeSeconds": 0, **rollout}
    admin.create("MLApi", namespace, manifest)
    return await accepted(admin, namespace)


async def looked_at(operator: Operating, namespace: str) -> None:
    operator.queue.add((namespace, "digits"))
    await asyncio.sleep(1)


async def test_paused_rollout_holds_back_a_new_revision_and_goes_on_when_told(
    light: LightCluster, admin: Kube, namespace: str
) -> None:
    async with played(admin, namespace, {f"{namespace}-a": 0}), operating() as operator:
        first = await create(admin, namespace)
        change(admin, namespace, rollout={"paused": True}, **env("1"))
        await until("two revisions", lambda: len(numbers(admin, namespace)) == 2)
        await looked_at(operator, namespace)
        found = live(admin, namespace)
        shown = found["status"]["rollout"]
        assert runs(admin, namespace) == shown["stableRevision"] == first != shown["revision"]
        assert "spec.rollout.paused" in shown["message"]
        assert condition(found, "Ready")["status"] == "False"
        assert condition(found, "Available")["status"] == "True"
        operator.pass_time((namespace, "digits"), 5000)  # the deadline stands still
        await looked_at(operator, namespace)
        assert condition(live(admin, namespace), "Stalled")["status"] == "absent"
        before = await quiet(light, namespace)
        await looked_at(operator, namespace)
        assert await quiet(light, namespace) == before
        change(admin, namespace, rollout={"paused": False})
        assert await accepted(admin, namespace, lambda name: name != first) == shown["revision"]


async def test_rollout_paused_half_way_replaces_no_further_pod(admin: Kube, namespace: str) -> None:
    async with played(admin, namespace, {f"{namespace}-a": 0}) as play, operating() as operator:
        first = await create(admin, namespace)
        change(admin, namespace, replicas=2)
        await until("two ready", lambda: live(admin, namespace)["status"]["readyReplicas"] == 2)
        play.fate[first], play.otherwise = "ready", "wait"
        change(admin, namespace, **env("1"))
        await until("the second one deployed", lambda: runs(admin, namespace) != first)
        await until("a new pod", lambda: len(admin.list("Pod", namespace)) == 3)
        change(admin, namespace, rollout={"paused": True})
        await until("a paused Deployment", lambda: deployed(admin, namespace)["spec"].get("paused"))
        play.otherwise = "ready"
        await until("three ready", lambda: live(admin, namespace)["status"]["readyReplicas"] == 3)
        operator.pass_time((namespace, "digits"), 5000)
        await looked_at(operator, namespace)
        assert live(admin, namespace)["status"]["readyReplicas"] == 3
        assert runs(admin, namespace) != first
        change(admin, namespace, rollout={"paused": False})
        await accepted(admin, namespace, lambda name: name != first)
        assert "paused" not in deployed(admin, namespace)["spec"]


async def test_old_manifest_applied_again_is_the_newest_revision_with_a_new_chance(
    admin: Kube, namespace: str
) -> None:
    async with played(admin, namespace, {f"{namespace}-a": 0}), operating():
        first = await create(admin, namespace)
        change(admin, namespace, **env("1"))
        second = await accepted(admin, namespace, lambda name: name != first)
        assert numbers(admin, namespace) == {first: 1, second: 2}
        template = deployed(admin, namespace)["spec"]["template"]
        change(admin, namespace, env=None)
        assert await accepted(admin, namespace, lambda name: name != second) == first
        assert numbers(admin, namespace) == {first: 3, second: 2}
        assert result(admin, namespace, second) == "Superseded"
        change(admin, namespace, **env("1"))
        await accepted(admin, namespace, lambda name: name == second)
        assert deployed(admin, namespace)["spec"]["template"] == template


async def test_history_keeps_as_many_old_revisions_as_the_spec_says(admin: Kube, namespace: str) -> None:
    async with played(admin, namespace, {f"{namespace}-a": 0}), operating():
        await create(admin, namespace, revisionHistoryLimit=1)
        seen: list[str] = [runs(admin, namespace)]
        for value in "123":
            change(admin, namespace, **env(value))
            seen.append(await accepted(admin, namespace, lambda name: name not in seen))
        await until("the last two", lambda: sorted(numbers(admin, namespace)) == sorted(seen[-2:]))
        change(admin, namespace, rollout={"revisionHistoryLimit": 0})
        await until("the last one", lambda: list(numbers(admin, namespace)) == seen[-1:])


async def test_new_operator_release_restarts_pods_where_it_may_and_once(
    light: LightCluster, admin: Kube, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = "registry.example.com/mlapi-fastapi@sha256:" + "f" * 64
    newer = SETTINGS.model_copy(update={"images": Images(fastapi=image)})

    def newer_template(*arguments: Any, **named: Any) -> Object:
        template = pod_template(*arguments, **named)
        return {**template, "spec": {**template["spec"], "terminationGracePeriodSeconds": 5}}

    async with played(admin, namespace, {f"{namespace}-a": 0}):
        async with operating():
            first = await create(admin, namespace)
        monkeypatch.setattr("mlapi_operator.revise.pod_template", newer_template)
        async with operating(newer) as operator:
            await looked_at(operator, namespace)
            assert runs(admin, namespace) == first, "Manual"
            change(admin, namespace, rollout={"operatorUpgrade": "Automatic"})
            second = await accepted(admin, namespace, lambda name: name != first)
            spec = deployed(admin, namespace)["spec"]["template"]["spec"]
            assert spec["containers"][0]["image"] == image
            assert spec["terminationGracePeriodSeconds"] == 5
            before = await quiet(light, namespace)
            await looked_at(operator, namespace)
            assert await quiet(light, namespace) == before
        async with operating(newer) as operator:
            await looked_at(operator, namespace)
            assert await quiet(light, namespace) == before
            assert numbers(admin, namespace) == {first: 1, second: 2}
        # The release before it comes back: what it made is used again.
        monkeypatch.undo()
        monkeypatch.setenv("KUBECONFIG", str(light.kubeconfig))
        async with operating():
            assert await accepted(admin, namespace, lambda name: name != second) == first
            assert numbers(admin, namespace) == {first: 3, second: 2}


async def test_disruption_budget_follows_the_spec_and_is_repaired(admin: Kube, namespace: str) -> None:
    def budget() -> Object:
        found = admin.kubectl(
            "-n", namespace, "get", "pdb", "digits", "--ignore-not-found", "-o", "jsonpath={.spec}"
        )
        return dict(json.loads(found)) if found else {}

    async with played(admin, namespace, {f"{namespace}-a": 0}), operating():
        await create(admin, namespace)
        wanted = {
            "maxUnavailable": 1,
            "selector": {"matchLabels": {"mlapi.dev/name": "digits"}},
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        }
        assert budget() == wanted
        admin.kubectl(
            "-n", namespace, "patch", "pdb", "digits", "--type=merge", "-p", '{"spec":{"maxUnavailable":0}}'
        )
        await until("the budget repaired", lambda: budget() == wanted)
        admin.kubectl("-n", namespace, "delete", "pdb", "digits")
        await until("the budget back", lambda: budget() == wanted)
        change(admin, namespace, disruption={"minAvailable": "50%"})
        await until("another bound", lambda: budget().get("minAvailable") == "50%")
        assert "maxUnavailable" not in budget()


async def test_queue_name_is_a_label_of_the_deployment_that_goes_with_its_revision(
    admin: Kube, namespace: str
) -> None:
    label = "kueue.x-k8s.io/queue-name"
    async with played(admin, namespace, {f"{namespace}-a": 0}), operating():
        first = await create(admin, namespace)
        assert label not in deployed(admin, namespace)["metadata"]["labels"]
        change(admin, namespace, scheduling={"queueName": "research"})
        await accepted(admin, namespace, lambda name: name != first)
        assert deployed(admin, namespace)["metadata"]["labels"][label] == "research"
        change(admin, namespace, scheduling=None)
        await accepted(admin, namespace, lambda name: name == first)
        assert label not in deployed(admin, namespace)["metadata"]["labels"]
