"""Operators are killed and frozen at random moments while the API server misbehaves: the end is the same."""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from e2e.kube import Kube, condition
from e2e.record import Recorder
from mlapi_operator.api.v1alpha1 import parse
from mlapi_operator.desired import names, revision
from mlapi_operator.store import WATCHED
from tests.support.faults import Answer, Drop, FaultProxy, Gone
from tests.support.parts import mlapi, until
from tests.support.played import GPU, Played, played
from tests.support.process import OperatorProcess, operator_process

Object = dict[str, Any]

PLURALS = tuple(kind.plural for kind in WATCHED)
# At most, with what is written again as its answer was lost. A new leader says each MLApi's status once more
# at most.
WRITES_OF_A_START = 10
WRITES_OF_A_CHANGE = 12


class Operators:
    """Two at any time, behind one proxy: one leads, the other stands by."""

    def __init__(self, admin: Kube, namespace: str, kubeconfig: Path, folder: Path) -> None:
        self._admin = admin
        self._namespace = namespace
        self._kubeconfig = kubeconfig
        self._folder = folder
        self._stack = AsyncExitStack()
        self._alive: dict[str, OperatorProcess] = {}
        self._started = 0

    async def __aenter__(self) -> "Operators":
        await self._fill()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def leader(self) -> str:
        """The one of them that holds the Lease, once one does; like a kubelet it starts who ended anew."""

        async def look() -> str:
            await self._fill()
            lease = self._admin.get("Lease", self._namespace, "mlapi-operator") or {}
            holder = str(lease.get("spec", {}).get("holderIdentity", "")).partition("_")[0]
            return holder if holder in self._alive else ""

        found: str = await until("a leader", look)
        return found

    async def kill(self) -> None:
        """The leader dies without a word."""
        process = self._alive.pop(await self.leader())
        process.send(signal.SIGKILL)
        await process.ended()
        await self._fill()

    async def freeze(self) -> None:
        """The leader stops until another leads, wakes up, and must notice."""
        name = await self.leader()
        process = self._alive.pop(name)
        process.send(signal.SIGSTOP)
        await self.leader()
        process.send(signal.SIGCONT)
        await process.ended()

    async def _fill(self) -> None:
        for name, process in list(self._alive.items()):
            if process.has_ended:
                del self._alive[name]
        while len(self._alive) < 2:
            self._started += 1
            name = f"operator-{self._started}"
            self._alive[name] = await self._stack.enter_async_context(
                operator_process(
                    self._kubeconfig,
                    self._namespace,
                    self._folder,
                    name,
                    WATCH_NAMESPACES=self._namespace,
                    LEASE_DURATION_SECONDS="3",
                    LEASE_RENEW_SECONDS="1",
                    RESYNC_SECONDS="10",
                )
            )


@pytest.fixture
async def operators(admin: Kube, namespace: str, proxied: Path, tmp_path: Path) -> AsyncIterator[Operators]:
    async with Operators(admin, namespace, proxied, tmp_path) as operators:
        yield operators


def answers_500(proxy: FaultProxy) -> None:
    proxy.fail("*", "*", Answer(500), times=6)


def answers_429(proxy: FaultProxy) -> None:
    proxy.fail("*", "*", Answer(429, retry_after=1), times=6)


def loses_answers(proxy: FaultProxy) -> None:
    for verb in ("apply", "apply_status"):
        proxy.fail(verb, "*", Drop(after=True), times=3)


def expires(proxy: FaultProxy) -> None:
    proxy.fail("watch", "*", Gone(), times=4)
    ends_watches(proxy)


def ends_watches(proxy: FaultProxy) -> None:
    for plural in PLURALS:
        proxy.end_watches(plural)


def falls_silent(proxy: FaultProxy) -> None:
    for plural in PLURALS:
        proxy.silence(plural)


FAULTS: tuple[Callable[[FaultProxy], None], ...] = (
    answers_500,
    answers_429,
    loses_answers,
    expires,
    ends_watches,
    falls_silent,
)


def manifests(namespace: str) -> Iterable[Object]:
    """Each bears the name of what becomes of it."""
    for name in ("steady", "updated", "bad", "scarce", "suspended", "held", "deleted"):
        manifest = mlapi(namespace, name)
        # Nobody answers at the addresses of played pods.
        manifest["spec"] |= {"probe": {"smokeTest": {"mode": "Off"}}, "rollout": {"bakeSeconds": 0}}
        if name == "scarce":
            manifest["spec"] |= {"gpu": {}, "scheduling": {"nodeSelector": {"test": namespace}}}
        yield manifest


def changes(namespace: str, play: Played) -> dict[str, Object]:
    """One change of each that is changed; the new revision of `bad` is made to crash."""
    env = {"env": [{"name": "A", "value": "1"}]}
    bad = next(manifest for manifest in manifests(namespace) if manifest["metadata"]["name"] == "bad")
    digest = revision.workload_hash(revision.workload(parse({**bad, "spec": {**bad["spec"], **env}})))
    play.fate[names.revision("bad", digest)] = "crash"
    return {"updated": env, "bad": env, "scarce": env, "suspended": {"suspend": True}}


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.full)])
@pytest.mark.timeout(900)
async def test_operators_killed_and_frozen_at_random_moments_end_in_the_same_state(
    admin: Kube, namespace: str, proxy: FaultProxy, operators: Operators, kills: int
) -> None:
    chance = random.Random(kills)
    foreign = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "held"}}
    admin.create("Service", namespace, {**foreign, "spec": {"ports": [{"port": 80}]}})
    async with played(admin, namespace, {f"{namespace}-node": 1}) as play:
        with Recorder(admin) as recorder:
            todo = list(changes(namespace, play).items())
            for manifest in manifests(namespace):
                admin.create("MLApi", namespace, manifest)
            for turn in range(kills):
                chance.choice(FAULTS)(proxy)
                await asyncio.sleep(chance.uniform(0, 3))
                await (operators.freeze() if turn % 3 == 1 else operators.kill())
                proxy.heal()
                for name, change in todo[turn::kills]:
                    # What never answered has nothing to be rolled back to.
                    await reaches(admin, namespace, name, READY)
                    admin.patch("MLApi", namespace, name, {"spec": change})
                if turn == kills - 2:
                    admin.delete("MLApi", namespace, "deleted")
                    admin.delete("Service", namespace, "steady")
            await ends(admin, namespace)
            states = [state for state in recorder.states() if state["metadata"]["namespace"] == namespace]
    keeps_what_it_knew(states)
    await until("nothing left to write", lambda: falls_quiet(proxy))
    done = [write for write in proxy.writes() if 200 <= write.code < 300]
    begun, changed = len(list(manifests(namespace))), len(todo) + 2
    print(f"{kills} deaths: {len(done)} writes, and {len(proxy.writes()) - len(done)} that failed")
    assert len(done) <= begun * WRITES_OF_A_START + changed * WRITES_OF_A_CHANGE + kills * begun


async def falls_quiet(proxy: FaultProxy) -> bool:
    before = len(proxy.writes())
    await asyncio.sleep(3)
    return len(proxy.writes()) == before


READY = ("Ready", "True", "Answering")
ENDS = {
    "steady": READY,
    "updated": READY,
    "scarce": READY,
    "bad": ("Ready", "False", "RolledBack"),
    "suspended": ("Ready", "False", "Suspended"),
    "held": ("Accepted", "False", "NameConflict"),
}


async def ends(admin: Kube, namespace: str) -> None:
    """Waits until all is as the last specs want it, and as rolled-back revisions are left."""
    for name, wanted in ENDS.items():
        await reaches(admin, namespace, name, wanted)
    await until("deleted gone", lambda: not admin.list("Deployment", namespace, "mlapi.dev/name=deleted"))
    await until("the Service back", lambda: admin.get("Service", namespace, "steady"))
    revisions = {name: shown(admin, namespace, name) for name in ENDS}
    assert revisions == {
        "steady": ["Active"],
        "updated": ["Active", "Superseded"],
        "scarce": ["Active", "Superseded"],
        "bad": ["RolledBack", "Active"],
        "suspended": ["Active"],
        "held": [],
    }
    bad = admin.get("MLApi", namespace, "bad")
    assert bad
    assert [condition(bad, type)["status"] for type in ("Available", "Stalled")] == ["True", "True"]
    scarce = admin.get("MLApi", namespace, "scarce")
    assert scarce
    assert scarce["status"]["rollout"]["strategyUsed"] == "InPlace"
    assert scarce["status"]["gpu"]["resourceName"] == GPU


async def reaches(admin: Kube, namespace: str, name: str, wanted: tuple[str, str, str]) -> None:
    """Waits for a condition of the present spec, and until every revision has its result."""
    type, *verdict = wanted

    def holds() -> bool:
        found = admin.get("MLApi", namespace, name)
        assert found
        status = found.get("status") or {}
        if status.get("observedGeneration") != found["metadata"]["generation"]:
            return False
        shown = condition(found, type)
        judged = all(entry.get("result") for entry in status.get("revisions", []))
        return judged and [shown["status"], shown["reason"]] == verdict

    try:
        await until(f"{name} {wanted}", holds)
    except AssertionError as error:
        raise AssertionError(f"{error}: {admin.get('MLApi', namespace, name)}") from None


def shown(admin: Kube, namespace: str, name: str) -> list[str]:
    """Results of the revisions, newest first, as status has them."""
    found = admin.get("MLApi", namespace, name)
    assert found
    return [entry.get("result", "") for entry in found["status"].get("revisions", [])]


def keeps_what_it_knew(states: Iterable[Object]) -> None:
    """No state that a client saw had lost what one before it knew."""
    last: dict[str, Object] = {}
    for state in states:
        status, uid = state["status"], state["metadata"]["uid"]
        before = last.get(uid, {"observedGeneration": -1})
        assert status["observedGeneration"] >= before["observedGeneration"], state
        for section in ("conditions", "framework", "image", "rollout", "revisions", "startup", "lastFailure"):
            assert section not in before or section in status, (section, state)
        last[uid] = status
