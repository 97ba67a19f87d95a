"""The user's model as the subject: its manifest checked, its file fetched, as `mlapi serve` does it."""

import os
from dataclasses import dataclass
from pathlib import Path

from mlapi_operator.api.v1alpha1 import MLApiSpec, parse
from mlapi_operator.cli import locally, manifests, model
from mlapi_operator.cli.bench.subject import ONE_THREAD, Subject, config
from mlapi_operator.cli.environment import Environment
from mlapi_operator.cli.problem import Usage
from mlapi_operator.cli.screen import Screen
from mlapi_operator.cli.session import chosen


@dataclass(frozen=True, slots=True)
class Choice:
    """What the command line says about it; see `mlapi serve` for the meaning of each."""

    file: str
    name: str | None
    model: Path | None
    source: Path | None


@dataclass(frozen=True, slots=True)
class Yours:
    """
    Args:
        path: folders with the user's code.
        variables: of the manifest.
        here: the model's file, if it is on this machine.
    """

    name: str
    spec: MLApiSpec
    path: tuple[Path, ...]
    variables: dict[str, str]
    here: Path | None

    def subject(self, environment: Environment, screen: Screen) -> Subject:
        """Fetches the model, if it is not here.

        Raises:
            Problem: it cannot be fetched.
        """
        here = self.here
        if here is None:
            with screen.fetching() as show:
                here = model.fetched(self.spec, environment, show)
        variables = {**ONE_THREAD, **self.variables}
        return Subject(self.name, config(self.name, self.spec, here), self.path, variables)


def checked(choice: Choice) -> Yours:
    """
    Raises:
        OSError, Problem: the manifest, or what it needs of this machine, is not as it must be.
    """
    manifest = chosen(choice.file, choice.name)
    spec = parse(manifest)
    return Yours(
        name=manifests.name(manifest),
        spec=spec,
        path=locally.code(spec, choice.source),
        variables=locally.variables(spec, os.environ),
        here=model.given(choice.model, spec),
    )


def frameworks(yours: Yours, asked: tuple[str, ...] | None, every: tuple[str, ...]) -> tuple[str, ...]:
    """Those that can serve it.

    Args:
        asked: of the command line.
    Raises:
        Usage: its own application is of another framework than asked for.
    """
    if yours.spec.framework.app is None:
        return asked or every
    own = yours.spec.framework.name
    if asked not in (None, (own,)):
        raise Usage(
            f"--frameworks: found {','.join(asked or ())}, wanted {own}: "
            "spec.framework.app is one of its applications"
        )
    return (own,)
