"""Windows of load: one server after the other, for a second each, and what that cost it."""

import http.client
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from mlapi_operator.cli.bench import answers, tree, wrk
from mlapi_operator.cli.bench.payload import Payload
from mlapi_operator.cli.bench.plan import Meeting, turns
from mlapi_operator.cli.bench.record import Block, Route, Window
from mlapi_operator.cli.problem import Problem

WARM_UP_SECONDS: Final = 1
ANSWER_SECONDS: Final = 60.0
# A server under more load than it answers goes on after the client has left; the next one's turn is not its.
SETTLED_SECONDS: Final = 0.05
SETTLE_PATIENCE_SECONDS: Final = 20.0


class DifferentAnswer(Problem):
    """A server does not do the same work as the floor, so that no figure would mean anything."""


@dataclass(frozen=True, slots=True)
class Target:
    """A server that is up. `pid`: root of its processes; `paths`: route -> where it is taken."""

    name: str
    url: str
    pid: int
    paths: Mapping[Route, str]


@dataclass
class Meter:
    """Takes the measurements of one model.

    Args:
        folder: for what the client reads.
        core: of the client.
        payloads: route -> request.
        pairs: windows of each server in a block.
        seconds: of a window.
        measured: told after each window.
    """

    folder: Path
    core: int
    model: str
    payloads: Mapping[Route, Payload]
    pairs: int
    seconds: int
    measured: Callable[[str], None]

    def __post_init__(self) -> None:
        self._warm: set[tuple[int, Route]] = set()

    def block(self, meeting: Meeting, targets: Mapping[str, Target]) -> Block:
        """The windows of one meeting."""
        windows = []
        for turn, order in enumerate(turns(meeting.servers, self.pairs)):
            for name in order:
                target = targets[name]
                if (warm := (target.pid, meeting.route)) not in self._warm:
                    self._warm.add(warm)
                    self._load(target, meeting, WARM_UP_SECONDS)
                    _settle(target.pid)
                windows.append(self._window(target, meeting, turn))
                self.measured(f"{name}, {meeting.route}, {meeting.connections} connections")
        return Block(
            model=self.model,
            route=meeting.route,
            body_bytes=len(self.payloads[meeting.route].body),
            connections=meeting.connections,
            servers=list(meeting.servers),
            windows=windows,
        )

    def compare(self, target: Target, floor: Target) -> None:
        """Sends each request once.

        Raises:
            DifferentAnswer: an answer is not the floor's.
        """
        for route, path in target.paths.items():
            if route in self.payloads:
                wanted = self._answer(floor, route, floor.paths[route])
                if difference := answers.differ(self._answer(target, route, path), wanted):
                    raise DifferentAnswer(f"{target.name}, POST {path}, {route}: found {difference}")

    def _window(self, target: Target, meeting: Meeting, turn: int) -> Window:
        before = tree.cpu_seconds(target.pid)
        sample = self._load(target, meeting, self.seconds)
        # At once: what it still computes for clients that have left was not counted as requests either.
        cpu_seconds = tree.cpu_seconds(target.pid) - before
        _settle(target.pid)
        return Window(
            server=target.name,
            turn=turn,
            requests=sample.requests,
            seconds=sample.seconds,
            cpu_seconds=round(cpu_seconds, 6),
            p50_microseconds=sample.p50_microseconds,
            p99_microseconds=sample.p99_microseconds,
            errors=sample.errors,
        )

    def _load(self, target: Target, meeting: Meeting, seconds: int) -> wrk.Sample:
        return wrk.run(
            target.url + target.paths[meeting.route],
            self.payloads[meeting.route],
            self.folder,
            core=self.core,
            connections=meeting.connections,
            seconds=seconds,
        )

    def _answer(self, target: Target, route: Route, path: str) -> answers.Outputs:
        payload = self.payloads[route]
        status, headers, body = post(target.url + path, payload)
        if status != 200:
            said = body[:300].decode(errors="replace")
            raise DifferentAnswer(f"{target.name}, POST {path}, {route}: found {status} {said}, wanted 200")
        try:
            return answers.outputs(route, headers, body)
        except (ValueError, KeyError, TypeError) as error:
            raise DifferentAnswer(
                f"{target.name}, POST {path}, {route}: found {body[:100]!r}, wanted an answer of this route "
                f"({type(error).__name__}: {error})"
            ) from error


def post(url: str, payload: Payload) -> tuple[int, Mapping[str, str], bytes]:
    """Status, headers with names in lower case, and body of the answer."""
    return _ask("POST", url, {"Content-Type": "application/json", **payload.headers}, payload.body)


def get(url: str) -> tuple[int, Mapping[str, str], bytes]:
    return _ask("GET", url, {}, None)


def _ask(
    method: str, url: str, headers: Mapping[str, str], body: bytes | None
) -> tuple[int, Mapping[str, str], bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=ANSWER_SECONDS)
    try:
        connection.request(method, parts.path, body, dict(headers))
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return response.status, found, response.read()
    finally:
        connection.close()


def _settle(pid: int) -> None:
    """Waits until the server has nothing left to compute."""
    until = time.monotonic() + SETTLE_PATIENCE_SECONDS
    before = -1.0
    while (now := tree.cpu_seconds(pid)) != before and time.monotonic() < until:
        before = now
        time.sleep(SETTLED_SECONDS)
