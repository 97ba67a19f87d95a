"""`mlapi validate`: what the API server would say about manifests, without one."""

import argparse
import sys
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from mlapi_operator.api.kinds import MLAPI
from mlapi_operator.api.problems import problems
from mlapi_operator.api.types import Manifest
from mlapi_operator.api.v1alpha1 import MLApi
from mlapi_operator.cli import manifests
from mlapi_operator.cli.problem import Problem


def add_to(commands: Any) -> None:
    """Adds the command to those of `mlapi`."""
    parser = commands.add_parser("validate", help="check manifests without a cluster", description=__doc__)
    parser.add_argument(
        "-f",
        dest="files",
        action="append",
        required=True,
        metavar="FILE",
        help="YAML, or - for standard input",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prints each problem, or OK for each MLApi without one; objects of other kinds are passed over."""
    failed = False
    for file in arguments.files:
        for line, bad in report(manifests.text(file)):
            failed = failed or bad
            print(f"{manifests.shown(file)}: {line}", file=sys.stderr if bad else sys.stdout)
    return 1 if failed else 0


def report(text: str) -> Iterator[tuple[str, bool]]:
    """A sentence for each problem and each sound MLApi in a YAML stream, and whether it is a problem."""
    try:
        ours = manifests.mlapis(text)
    except Problem as problem:
        yield str(problem), True
        return
    for manifest in ours:
        found = check(manifest)
        name = manifests.name(manifest) or "without a name"
        for sentence in found:
            yield f"{MLAPI.kind} {name}: {sentence}", True
        if not found:
            yield f"{MLAPI.kind} {name}: OK", False


def check(manifest: Manifest) -> list[str]:
    """Everything that the API server would refuse, one sentence each."""
    if (version := manifest.get("apiVersion")) != MLAPI.api_version:
        return [f"apiVersion: found {version!r}, wanted {MLAPI.api_version}"]
    try:
        MLApi.model_validate(manifest, by_name=False, by_alias=True)
    except ValidationError as error:
        return problems(error)
    return []
