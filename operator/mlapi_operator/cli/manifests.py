"""The MLApis of a YAML file."""

import sys
from pathlib import Path
from typing import Any

import yaml

from mlapi_operator.api.kinds import MLAPI
from mlapi_operator.api.types import Manifest
from mlapi_operator.cli.problem import Problem


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


def text(file: str) -> str:
    """What a file holds, or standard input for `-`.

    Raises:
        OSError: it cannot be read.
        Problem: it is no text.
    """
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Problem(f"{shown(file)}: not UTF-8: {error}") from error


def shown(file: str) -> str:
    """The file's name in messages."""
    return "standard input" if file == "-" else file


def mlapis(text: str) -> list[Manifest]:
    """Every MLApi of a YAML stream; objects of other kinds are passed over.

    Raises:
        Problem: it is not YAML, or holds none.
    """
    try:
        documents = [document for document in yaml.load_all(text, _Loader) if document is not None]
    except yaml.YAMLError as error:
        raise Problem(f"not YAML: {' '.join(str(error).split())}") from error
    found = [
        document
        for document in documents
        if isinstance(document, dict) and document.get("kind") == MLAPI.kind
    ]
    if not found:
        raise Problem(f"no {MLAPI.kind} in it; wanted apiVersion: {MLAPI.api_version}, kind: {MLAPI.kind}")
    return found


def name(manifest: Manifest) -> str:
    """`metadata.name`, empty when there is none."""
    metadata = manifest.get("metadata")
    return str(metadata.get("name") or "") if isinstance(metadata, dict) else ""
