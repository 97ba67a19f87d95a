"""One run of `mlapi serve`, from the manifest to the last answer."""

import argparse
import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from mlapi_operator.api.kinds import MLAPI
from mlapi_operator.api.types import Manifest
from mlapi_operator.api.v1alpha1 import MLApiSpec, parse
from mlapi_operator.cli import locally, manifests, model, ports, requests, validate
from mlapi_operator.cli.digest import Meter
from mlapi_operator.cli.environment import Environment, prepare
from mlapi_operator.cli.pod import Failed, Pod
from mlapi_operator.cli.problem import Problem, Usage
from mlapi_operator.cli.screen import Screen
from mlapi_operator.desired.documents import serving_config
from mlapi_operator.desired.owner import Owner

REVISION: Final = "local"
_LOOK_SECONDS: Final = 1.0
_LAST_LINES_SECONDS: Final = 2.0


def serve(arguments: argparse.Namespace) -> None:
    """Serves until Ctrl-C or SIGTERM.

    Raises:
        Problem: it cannot be served, or the server failed.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    with suppress(KeyboardInterrupt):
        _serve(arguments, Screen())


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _serve(arguments: argparse.Namespace, screen: Screen) -> None:
    began = time.monotonic()
    manifest = chosen(arguments.file, arguments.name)
    spec = parse(manifest)
    # All that can be found wrong at once, before anything that takes long.
    path = locally.code(spec, arguments.source)
    variables = locally.variables(spec, os.environ)
    here = model.given(arguments.model, spec)
    if arguments.port and (objection := ports.objection(arguments.host, arguments.port)):
        raise Problem(objection)
    name = manifests.name(manifest)
    screen.say(f"{MLAPI.kind} {name}: {spec.framework.name}, {here or spec.model.uri}")
    environment = _environment(spec, screen)
    if here is None:
        with screen.fetching() as show:
            here = model.fetched(spec, environment, show)
    config = serving_config(Owner("", name, ""), spec, f"{name}-{REVISION}")
    config["model"]["path"] = str(here)
    with tempfile.TemporaryDirectory(prefix="mlapi-serve-") as created, _log(screen) as output:
        folder = Path(created)
        address = {"host": arguments.host, "port": arguments.port}
        with Pod(
            environment, config, folder, path=path, variables=variables, output=output, **address
        ) as pod:
            with screen.working("loading the model"):
                pod.started(spec.probe.startup_timeout_seconds)
            screen.say(f"ready after {time.monotonic() - began:.1f} s at {pod.url}", style="bold green")
            handler = spec.model.handler is not None
            for line in requests.lines(pod.url, config["model"]["name"], folder, handler=handler):
                screen.say(line)
            _meter(pod, spec, screen)


def chosen(file: str, name: str | None) -> Manifest:
    """The MLApi of a file that is to be served; one that the API server would take.

    Raises:
        OSError: the file cannot be read.
        Usage: it is not clear which.
        Problem: it is not valid.
    """
    text = manifests.text(file)
    try:
        found = manifests.mlapis(text)
    except Problem as problem:
        raise Problem(f"{manifests.shown(file)}: {problem}") from problem
    names = ", ".join(manifests.name(manifest) or "one without a name" for manifest in found)
    matching = [manifest for manifest in found if name in (None, manifests.name(manifest))]
    if not matching:
        raise Usage(f"--name: found {name}, wanted one of {names}")
    if len(matching) > 1:
        raise Usage(f"the file holds {len(found)} MLApis: {names}; say which with --name")
    if objections := validate.check(matching[0]):
        raise Problem(
            "\n".join(f"{MLAPI.kind} {manifests.name(matching[0])}: {sentence}" for sentence in objections)
        )
    return matching[0]


def _environment(spec: MLApiSpec, screen: Screen) -> Environment:
    with screen.working(f"preparing the environment of {spec.framework.name}") as report:
        return prepare(spec.framework.name, report=report)


def _meter(pod: Pod, spec: MLApiSpec, screen: Screen) -> None:
    """Shows the figures until the server ends or Ctrl-C comes."""
    meter = Meter(spec)
    try:
        with screen.metering() as show:
            while not pod.ended():
                if (stats := pod.stats()) is not None:
                    meter.read(stats)
                show(meter.figures())
                time.sleep(_LOOK_SECONDS)
    except KeyboardInterrupt:
        screen.say("draining: what is under way is answered; Ctrl-C again ends it at once")
        raise
    raise Failed(f"the server ended: {pod.cause()}")


@contextmanager
def _log(screen: Screen) -> Iterator[int]:
    """Where a server may write to; its lines are shown until it has ended."""
    read, write = os.pipe()

    def show() -> None:
        with open(read, "rb") as lines:
            for line in lines:
                screen.say(line.decode(errors="replace").rstrip("\n"))

    reader = threading.Thread(target=show, daemon=True)
    reader.start()
    try:
        yield write
    finally:
        os.close(write)
        reader.join(_LAST_LINES_SECONDS)
