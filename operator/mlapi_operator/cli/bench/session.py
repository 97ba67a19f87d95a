"""One subject after the other: the floor stays up, the others come, are measured against it, and go."""

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from mlapi_operator.cli.bench import cores, plan, tree
from mlapi_operator.cli.bench.candidates import EVERY_ROUTE, FLOOR, TWIN, Script
from mlapi_operator.cli.bench.cores import Cores
from mlapi_operator.cli.bench.measure import Meter, Target, get
from mlapi_operator.cli.bench.payload import Payload, Tensor, payloads
from mlapi_operator.cli.bench.process import Process
from mlapi_operator.cli.bench.progress import Progress
from mlapi_operator.cli.bench.record import Block, Memory, Model, Route, Start
from mlapi_operator.cli.bench.subject import Subject
from mlapi_operator.cli.environment import Environment
from mlapi_operator.cli.pod import Pod
from mlapi_operator.cli.problem import Problem

START_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True)
class Hosted:
    """A framework under our runtime, by the name that it has in the tables."""

    name: str
    framework: str
    environment: Environment


@dataclass(frozen=True, slots=True)
class Group:
    """Servers that take turns with the floor, and so with each other."""

    scripts: Sequence[tuple[Script, Environment]]
    hosted: Sequence[Hosted]


@dataclass
class Session:
    """
    Args:
        groups: measured one after the other.
        floor: environment of the floor and its twin.
        log: where our servers write to.
        starts: how often each framework is started for the clock.
        quick: only the largest number of connections.
    """

    groups: Sequence[Group]
    floor: Environment
    cores: Cores
    folder: Path
    log: IO[bytes]
    pairs: int
    window_seconds: int
    starts: int
    quick: bool
    progress: Progress
    blocks: list[Block] = field(default_factory=list)
    start_times: list[Start] = field(default_factory=list)
    memory: list[Memory] = field(default_factory=list)
    models: list[Model] = field(default_factory=list)

    def start_up(self, subject: Subject) -> None:
        """Starts every framework a few times, alone on the server's core."""
        all_hosted = [hosted for group in self.groups for hosted in group.hosted]
        self.progress.begin("start-up", len(all_hosted) * (1 + self.starts))
        for hosted in all_hosted:
            seconds = []
            # Once before: what the disk has to read for the first time is not the framework's.
            for _ in range(1 + self.starts):
                began = time.monotonic()
                with ExitStack() as stack:
                    self._host(stack, hosted, subject)
                    seconds.append(round(time.monotonic() - began, 3))
                self.progress.step(hosted.name)
            self.start_times.append(Start(server=hosted.name, model=subject.name, seconds=seconds[1:]))

    def measure(self, subject: Subject) -> None:
        """Every route of every server, with the floor's twin first.

        Raises:
            DifferentAnswer, NoClient, StartFailed, pod.Failed
        """
        with ExitStack() as stack:
            floor = self._script(stack, FLOOR, self.floor, subject)
            model, sent = _describe(subject, floor)
            self.models.append(model)
            clients = plan.connections(len(payload.body) for payload in sent.values())
            if self.quick:
                clients = clients[-1:]
            meter = Meter(
                self.folder,
                self.cores.client,
                subject.name,
                sent,
                self.pairs,
                self.window_seconds,
                self.progress.step,
            )
            self.progress.begin(subject.name, self._windows(sent, clients))
            with ExitStack() as twins:
                twin = self._script(twins, TWIN, self.floor, subject)
                self._meet(meter, floor, [twin], clients)
            for group in self.groups:
                with ExitStack() as members:
                    targets = [
                        *(self._script(members, script, env, subject) for script, env in group.scripts),
                        *(self._host(members, hosted, subject) for hosted in group.hosted),
                    ]
                    self._meet(meter, floor, targets, clients)
                    self.memory.extend(_memory(subject, target) for target in targets)
            self.memory.append(_memory(subject, floor))

    def _meet(self, meter: Meter, floor: Target, others: Sequence[Target], clients: Sequence[int]) -> None:
        for target in (floor, *others):
            meter.compare(target, floor)
        targets = {target.name: target for target in (floor, *others)}
        routes = {target.name: [r for r in target.paths if r in meter.payloads] for target in others}
        for meeting in plan.meetings(floor.name, list(routes), routes, clients):
            self.blocks.append(meter.block(meeting, targets))

    def _windows(self, sent: Mapping[Route, Payload], clients: Sequence[int]) -> int:
        """How many windows a subject takes in all."""
        names: list[dict[str, list[Route]]] = [{TWIN.name: list(sent)}]
        for group in self.groups:
            routes = {script.name: [r for r in script.routes if r in sent] for script, _ in group.scripts}
            names.append({**routes, **{hosted.name: list(sent) for hosted in group.hosted}})
        return sum(
            len(meeting.servers) * self.pairs
            for routes in names
            for meeting in plan.meetings(FLOOR.name, list(routes), routes, clients)
        )

    def _script(self, stack: ExitStack, script: Script, environment: Environment, subject: Subject) -> Target:
        paths = [environment.variables["PYTHONPATH"], *map(str, subject.path)]
        if "PYTHONPATH" in subject.variables:
            paths.append(subject.variables["PYTHONPATH"])
        variables = {
            **subject.variables,
            "MLAPI_CONFIG": json.dumps(subject.config),
            "PYTHONPATH": ":".join(paths),
        }
        with cores.on(self.cores.server):
            process = stack.enter_context(Process(script, environment, variables))
        process.started()
        return Target(script.name, process.url, process.process.pid, _paths(script.routes, subject))

    def _host(self, stack: ExitStack, hosted: Hosted, subject: Subject) -> Target:
        with cores.on(self.cores.server):
            pod = stack.enter_context(self._pod(hosted, subject))
        pod.started(START_SECONDS)
        return Target(hosted.name, pod.url, pod.process.pid, _paths(EVERY_ROUTE, subject))

    def _pod(self, hosted: Hosted, subject: Subject) -> Pod:
        return Pod(
            hosted.environment,
            subject.hosted(hosted.framework),
            self.folder,
            output=self.log,
            path=subject.path,
            variables=subject.variables,
        )


def _paths(routes: Mapping[Route, str], subject: Subject) -> dict[Route, str]:
    name = subject.config["model"]["name"]
    return {route: path.format(model=name) for route, path in routes.items()}


def _describe(subject: Subject, floor: Target) -> tuple[Model, dict[Route, Payload]]:
    """The model's signature, asked of the floor, and the requests made from it."""
    _, _, body = get(f"{floor.url}/signature")
    sides = {
        side: [Tensor(each["name"], each["datatype"], tuple(each["shape"])) for each in tensors]
        for side, tensors in json.loads(body).items()
    }
    shown = {side: [_shown(tensor) for tensor in tensors] for side, tensors in sides.items()}
    if not sides["inputs"]:
        raise Problem(
            f"{subject.name}: the model declares no signature, so that there is no request to measure with; "
            "give its class one, as in docs/models.md"
        )
    model = Model(name=subject.name, format=subject.config["model"]["format"], **shown)
    return model, payloads(sides["inputs"], sides["outputs"])


def _shown(tensor: Tensor) -> str:
    return f"{tensor.name} {tensor.datatype} {list(tensor.shape)}"


def _memory(subject: Subject, target: Target) -> Memory:
    return Memory(server=target.name, model=subject.name, pss_bytes=tree.pss_bytes(target.pid))
