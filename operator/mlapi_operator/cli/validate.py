"""`mlapi validate`: what the API server would say about manifests, without one."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from mlapi_operator.api.kinds import MLAPI
from mlapi_operator.api.problems import problems
from mlapi_operator.api.types import Manifest
from mlapi_operator.api.v1alpha1 import MLApi


class _Loader(yaml.SafeLoader):
    """As kubectl reads YAML: a key that is written twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            if name in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"key {name!r} is written twice", problem_mark=key.start_mark
                )
            seen.add(name)
        return super().construct_mapping(node, deep)


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
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        name = "standard input" if file == "-" else file
        for line, bad in report(text):
            failed = failed or bad
            print(f"{name}: {line}", file=sys.stderr if bad else sys.stdout)
    return 1 if failed else 0


def report(text: str) -> Iterator[tuple[str, bool]]:
    """A sentence for each problem and each sound MLApi in a YAML stream, and whether it is a problem."""
    try:
        documents = [document for document in yaml.load_all(text, _Loader) if document is not None]
    except yaml.YAMLError as error:
        yield f"not YAML: {' '.join(str(error).split())}", True
        return
    ours = [
        document
        for document in documents
        if isinstance(document, dict) and document.get("kind") == MLAPI.kind
    ]
    if not ours:
        yield f"no {MLAPI.kind} in it; wanted apiVersion: {MLAPI.api_version}, kind: {MLAPI.kind}", True
    for manifest in ours:
        found = check(manifest)
        name = (manifest.get("metadata") or {}).get("name") or "without a name"
        for problem in found:
            yield f"{MLAPI.kind} {name}: {problem}", True
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
