"""`mlapi crd`: the CustomResourceDefinition and the reference pages, made from the types."""

import argparse
import sys
from pathlib import Path
from typing import Any

from mlapi_operator.api.crd import crd_yaml
from mlapi_operator.api.reference import conditions_page, fields_page


def generated() -> dict[str, str]:
    """Path in the repository -> content of every file that is made from the types."""
    definition = crd_yaml()
    return {
        "crds/mlapi.dev_mlapis.yaml": definition,
        "charts/mlapi-operator/crds/mlapi.dev_mlapis.yaml": definition,
        "docs/reference/api.md": fields_page(),
        "docs/reference/conditions.md": conditions_page(),
    }


def add_to(commands: Any) -> None:
    """Adds the command to those of `mlapi`."""
    parser = commands.add_parser("crd", help="print the CustomResourceDefinition", description=__doc__)
    action = parser.add_mutually_exclusive_group()
    action.add_argument(
        "--write", action="store_true", help="write the generated files of the repository here"
    )
    action.add_argument("--check", action="store_true", help="name the generated files that differ")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prints, writes or compares."""
    if not (arguments.write or arguments.check):
        print(crd_yaml(), end="")
        return 0
    if not Path("pyproject.toml").is_file():
        print("mlapi crd: run it in the root of the repository", file=sys.stderr)
        return 2
    stale = [path for path, text in generated().items() if not _holds(Path(path), text)]
    for path in stale:
        if arguments.write:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_text(generated()[path], encoding="utf-8")
        print(f"{path}: {'written' if arguments.write else 'differs from the types; run `make crd`'}")
    return 1 if stale and arguments.check else 0


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode()
