"""A new revision is compared with the one before it, and gives way where it does worse."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from e2e.cluster.light import LightCluster
from e2e.kube import Kube, condition
from mlapi_stats.buckets import index
from mlapi_stats.document import Series, Stats
from tests.support.operating import AheadClock, Operating, operating
from tests.support.parts import mlapi, until
from tests.support.played import Played, played
from tests.support.scenes import live, quiet

Object = dict[str, Any]

FAST, SLOW = 10_000, 30_000


@pytest.fixture(autouse=True)
def kubeconfig(light: LightCluster, admin: Kube, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(light.kubeconfig))


@dataclass
class Scene:
    """One MLApi whose first revision answers; its pods are played."""

    admin: Kube
    namespace: str
    play: Played
    operator: Operating
    first: str = ""
    counts: dict[str, tuple[int, int, float]] = field(default_factory=dict)

    @property
    def status(self) -> Object:
        found: Object = live(self.admin, self.namespace)["status"]
        return found

    def result(self, name: str) -> Object:
        found = next(each for each in self.status["revisions"] if each["name"] == name)
        return {member: found.get(member, "") for member in ("result", "message")}

    def change(self, **spec: Any) -> None:
        self.admin.patch("MLApi", self.namespace, "digits", {"spec": spec})

    def pass_time(self, seconds: float) -> None:
        self.operator.pass_time((self.namespace, "digits"), seconds)

    def deployed(self) -> str:
        """The revision of the Deployment's template."""
        found = self.admin.get("Deployment", self.namespace, "digits")
        assert found is not None
        name: str = found["spec"]["template"]["metadata"]["labels"]["mlapi.dev/revision"]
        return name

    def asked(self, revision: str, requests: int, errors: int = 0, microseconds: int = FAST) -> None:
        """So many more requests of a pod of the revision were answered."""
        now = self.operator.clock().timestamp()
        good, bad, start = self.counts.get(revision, (0, 0, now - 5))
        assert now - start < 300, "counts of a pod that is met late are not known"
        good, bad = good + requests - errors, bad + errors
        self.counts[revision] = good, bad, start
        series = tuple(
            Series("predict", status, count, count * microseconds, {index(microseconds): count})
            for status, count in (("2xx", good), ("5xx", bad))
            if count
        )
        stats = Stats(revision, start, True, 0, 0, 100, 0, 0, series)
        uid = live(self.admin, self.namespace)["metadata"]["uid"]
        self.operator.latencies.record(uid, revision, stats, 300)

    async def until(self, what: str, holds: Any) -> None:
        try:
            await until(what, holds, 30)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.status}") from None

    async def answering(self, other_than: str) -> str:
        """Name of another revision, once it is the one that answers."""

        def holds() -> str:
            name: str = self.status["rollout"]["revision"]
            is_ready = condition(live(self.admin, self.namespace), "Ready")["status"] == "True"
            return name if is_ready and name != other_than else ""

        await self.until(f"another revision than {other_than} to answer", holds)
        return holds()

    async def rolled_back(self, name: str) -> str:
        """Why the revision was rolled back, once the first one runs again alone."""

        def holds() -> bool:
            found = live(self.admin, self.namespace)
            ready = condition(found, "Ready")
            left = [
                pod["metadata"]["labels"]["mlapi.dev/revision"]
                for pod in self.admin.list("Pod", self.namespace)
            ]
            return (ready["status"], ready["reason"]) == ("False", "RolledBack") and left == [self.first]

        await self.until("the first revision back", holds)
        found = live(self.admin, self.namespace)
        shown = found["status"]
        assert shown["rollout"]["revision"] == name
        assert shown["rollout"]["stableRevision"] == self.first == self.deployed()
        assert self.result(self.first)["result"] == "Active"
        assert self.result(name)["result"] == "RolledBack"
        assert condition(found, "Stalled")["reason"] == "RolledBack"
        await self.until(
            "an answer", lambda: condition(live(self.admin, self.namespace), "Available")["status"] == "True"
        )
        message: str = self.result(name)["message"]
        assert message in condition(found, "Ready")["message"]
        assert message in shown["rollout"]["message"]
        return message


async def scene(admin: Kube, namespace: str, play: Played, operator: Operating, **spec: Any) -> Scene:
    manifest = mlapi(namespace, "digits")
    manifest["spec"] |= spec
    admin.create("MLApi", namespace, manifest)
    made = Scene(admin, namespace, play, operator)
    await until("a status", lambda: "rollout" in (live(admin, namespace).get("status") or {}))
    made.first = await made.answering("")
    return made


def env(value: str) -> list[Object]:
    return [{"name": "A", "value": value}]


async def test_revision_with_more_errors_is_rolled_back_at_once_and_not_tried_again(
    light: LightCluster, admin: Kube, namespace: str
) -> None:
    clock = AheadClock()
    async with played(admin, namespace, {f"{namespace}-a": 0}) as play:
        async with operating(clock=clock) as operator:
            on = await scene(admin, namespace, play, operator)
            on.asked(on.first, 200, errors=1)
            on.change(env=env("bad"))
            second = await on.answering(on.first)
            assert on.status["rollout"]["strategyUsed"] == "Surge"
            assert second in on.status["rollout"]["message"]
            assert on.result(second)["result"] == ""
            clock.advance(12)
            on.asked(second, 120, errors=12)
            on.pass_time(0)
            message = await on.rolled_back(second)
            assert message == (
                "errors regressed: 12 errors in 120 requests (10.0 %), against 1 error in 200 requests "
                "(0.5 %) before"
            )
            before = await quiet(light, namespace)
            on.pass_time(700)
            made = (await quiet(light, namespace))[len(before) :]
            assert set(made) <= {"patch mlapis/digits/status"}, "the window of latency has slid"
        # Nor by an operator that starts anew.
        async with operating(clock=clock) as operator:
            operator.queue.add((namespace, "digits"))
            await quiet(light, namespace)
            assert on.deployed() == on.first
            on.operator = operator
            # The same spec is tried again with another token, and is a revision of its own.
            on.change(rollout={"retryToken": "2"})
            third = await on.answering(second)
            assert on.deployed() == third not in (on.first, second)
            on.pass_time(61)
            await on.until("accepted", lambda: on.result(third)["result"] == "Active")
            assert on.result(on.first)["result"] == "Superseded"


async def test_revision_three_times_as_slow_is_rolled_back_at_the_end_of_its_bake(
    admin: Kube, namespace: str
) -> None:
    async with played(admin, namespace, {f"{namespace}-a": 0}) as play, operating() as operator:
        on = await scene(admin, namespace, play, operator)
        on.asked(on.first, 150)
        on.change(env=env("slow"))
        second = await on.answering(on.first)
        operator.clock.advance(12)
        on.asked(second, 150, microseconds=SLOW)
        on.pass_time(30)
        await asyncio.sleep(1)
        assert on.result(second)["result"] == ""
        on.pass_time(20)
        assert (await on.rolled_back(second)).startswith("latency regressed: p95 29ms, against 10ms before")


async def test_revision_that_does_no_worse_is_accepted_with_the_figures_and_kept(
    admin: Kube, namespace: str
) -> None:
    clock = AheadClock()
    async with played(admin, namespace, {f"{namespace}-a": 0}) as play:
        async with operating(clock=clock) as operator:
            on = await scene(admin, namespace, play, operator)
            on.asked(on.first, 150)
            on.change(env=env("good"))
            second = await on.answering(on.first)
            clock.advance(12)
            on.asked(second, 150, errors=1)
        # A new leader has the old revision's figures from its annotation, and counts the new one's again.
        async with operating(clock=clock) as operator:
            on.operator = operator
            on.asked(second, 0)
            on.pass_time(50)
            await on.until("accepted", lambda: on.result(second)["result"] == "Active")
        assert on.result(on.first)["result"] == "Superseded"
        message = on.result(second)["message"]
        assert message.startswith("no worse than the revision before: 1 error in 150 requests"), message
        assert on.status["rollout"]["message"] == message
        assert on.status["rollout"]["stableRevision"] == second


async def test_revision_that_was_asked_too_little_is_accepted_and_that_is_said(
    admin: Kube, namespace: str
) -> None:
    async with played(admin, namespace, {f"{namespace}-a": 0}) as play, operating() as operator:
        on = await scene(admin, namespace, play, operator)
        on.asked(on.first, 500)
        on.change(env=env("quiet"))
        second = await on.answering(on.first)
        operator.clock.advance(12)
        on.asked(second, 20, errors=20)
        on.pass_time(50)
        await on.until("accepted", lambda: on.result(second)["result"] == "Active")
        assert on.result(second)["message"] == "too few requests to judge by: 20, where 100 are needed"


async def test_revision_is_not_held_against_what_the_one_before_did_on_another_day(
    admin: Kube, namespace: str
) -> None:
    async with played(admin, namespace, {f"{namespace}-a": 0}) as play, operating() as operator:
        on = await scene(admin, namespace, play, operator)
        on.asked(on.first, 200)
        on.change(env=env("bad"))
        second = await on.answering(on.first)
        operator.clock.advance(12)
        on.asked(second, 120, errors=60)
        on.pass_time(0)
        await on.rolled_back(second)
        on.pass_time(700)
        on.change(env=env("slow"))
        third = await on.answering(second)
        operator.clock.advance(12)
        on.asked(third, 150, microseconds=SLOW)
        on.pass_time(50)
        await on.until("accepted", lambda: on.result(third)["result"] == "Active")
        message = on.result(third)["message"]
        assert message.startswith("too few requests of the revision before to judge by: 0"), message


async def test_revision_whose_server_crashes_is_rolled_back_while_the_old_one_answers(
    admin: Kube, namespace: str
) -> None:
    async with played(admin, namespace, {f"{namespace}-a": 0}) as play, operating() as operator:
        on = await scene(admin, namespace, play, operator)
        play.fewest = 1000
        play.otherwise = "crash"
        play.fate[on.first] = "ready"
        on.change(env=env("crash"))
        await on.until("rolled back", lambda: len(on.status["revisions"]) == 2 and on.status["revisions"])
        second = on.status["rollout"]["revision"]
        message = await on.rolled_back(second)
        assert message.startswith("its server ended 3 times; the server ended with exit code 3"), message
        assert play.fewest == 1


async def test_revision_that_is_never_ready_is_rolled_back_after_its_deadline(
    admin: Kube, namespace: str
) -> None:
    async with played(admin, namespace, {f"{namespace}-a": 0}) as play, operating() as operator:
        on = await scene(admin, namespace, play, operator, rollout={"progressDeadlineSeconds": 300})
        play.otherwise = "wait"
        play.fate[on.first] = "ready"
        on.change(env=env("never"))
        await on.until("a second revision", lambda: len(on.status["revisions"]) == 2)
        second = on.status["rollout"]["revision"]
        on.pass_time(280)
        await asyncio.sleep(1)
        assert on.result(second)["result"] == ""
        on.pass_time(40)
        assert (await on.rolled_back(second)).startswith("no progress for 300 s")
        # The way back to what runs anyway is no new rollout.
        on.change(env=None)
        assert await on.answering(second) == on.first
        # And the bad one, asked for by hand again, has another chance.
        play.otherwise = "ready"
        on.change(env=env("never"))
        assert await on.answering(on.first) == second
        assert on.result(second)["result"] == ""


async def test_first_revision_that_is_never_ready_fails_and_recovers(admin: Kube, namespace: str) -> None:
    async with played(admin, namespace, {f"{namespace}-a": 0}) as play, operating() as operator:
        play.otherwise = "wait"
        manifest = mlapi(namespace, "digits")
        manifest["spec"]["rollout"] = {"progressDeadlineSeconds": 60}
        admin.create("MLApi", namespace, manifest)
        on = Scene(admin, namespace, play, operator)
        await until(
            "a pod", lambda: [pod for pod in admin.list("Pod", namespace) if "nodeName" in pod["spec"]]
        )
        on.pass_time(70)
        await on.until(
            "Failed",
            lambda: condition(live(admin, namespace), "Stalled")["reason"] == "ProgressDeadlineExceeded",
        )
        name = on.status["rollout"]["revision"]
        await on.until("Failed", lambda: on.result(name)["result"] == "Failed")
        play.otherwise = "ready"
        assert await on.answering("") == name
        assert on.result(name)["result"] == "Active"
        assert condition(live(admin, namespace), "Stalled")["status"] == "absent"


async def test_no_rollback_without_leave(admin: Kube, namespace: str) -> None:
    async with played(admin, namespace, {f"{namespace}-a": 0}) as play, operating() as operator:
        on = await scene(admin, namespace, play, operator, rollout={"autoRollback": False})
        on.asked(on.first, 150)
        on.change(env=env("bad"))
        second = await on.answering(on.first)
        operator.clock.advance(12)
        on.asked(second, 150, errors=100)
        on.pass_time(60)
        await on.until("accepted", lambda: on.result(second)["result"] == "Active")
        assert on.result(second)["message"].endswith("kept, as spec.rollout.autoRollback is false")
        assert on.deployed() == second


async def test_annotations_edited_by_hand_break_nothing(admin: Kube, namespace: str) -> None:
    async with played(admin, namespace, {f"{namespace}-a": 0}) as play, operating() as operator:
        on = await scene(admin, namespace, play, operator)
        on.asked(on.first, 150)
        on.change(env=env("b"))
        second = await on.answering(on.first)
        garbage = {
            "mlapi.dev/result": "Splendid",
            "mlapi.dev/reason": "x" * 5000,
            "mlapi.dev/answered": "yesterday",
            "mlapi.dev/latency": '{"requests": "many", "errorPercent": 4000}',
        }
        for name in (on.first, second):
            admin.patch("ControllerRevision", namespace, name, {"metadata": {"annotations": garbage}})
        for rubbish in ("{", '"x"', '{"revision": [], "startTime": 5}'):
            change = {"metadata": {"annotations": {"mlapi.dev/rollout": rubbish}}}
            admin.patch("Deployment", namespace, "digits", change)
            await asyncio.sleep(0.5)
        on.change(slo={"maxErrorPercent": 50})
        await on.until("a look at it", lambda: on.status["observedGeneration"] == 3)
        on.pass_time(61)
        await on.until("accepted", lambda: on.result(second)["result"] == "Active")
        on.change(env=env("c"))
        assert await on.answering(second) != on.first
