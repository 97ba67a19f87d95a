"""`mlapi bench`: the frameworks under the same load, beside a bare ASGI floor.

Serves two example models, or yours, with each framework, on the native route and by the Open Inference
Protocol, and beside it what one would write by hand. Takes about 14 minutes, with --quick one or two for
each framework.
"""

import argparse
from pathlib import Path
from typing import Any

from mlapi_operator.cli import locks
from mlapi_operator.cli.problem import Problem, Usage

PAIRS = 5
QUICK_PAIRS = 2


def add_to(commands: Any) -> None:
    """Adds the command to those of `mlapi`."""
    parser = commands.add_parser("bench", help="measure the frameworks side by side", description=__doc__)
    parser.add_argument(
        "-f", dest="file", metavar="FILE", help="manifest of your model; by default two examples are measured"
    )
    parser.add_argument("--name", help="which MLApi of the file, if it holds several")
    parser.add_argument(
        "--model", type=Path, metavar="FILE", help="a model on this machine, instead of spec.model.uri"
    )
    parser.add_argument("--source", type=Path, metavar="DIR", help="folder with your code, as in mlapi serve")
    parser.add_argument(
        "--frameworks",
        type=_frameworks,
        metavar="A,B",
        help=f"some of {', '.join(locks.IMAGES)}; by default all of them",
    )
    parser.add_argument(
        "--quick", action="store_true", help=f"{QUICK_PAIRS} turns, one number of connections: a first look"
    )
    parser.add_argument(
        "--pairs", type=_pairs, metavar="N", help=f"turns of each comparison, by default {PAIRS}; 11 for more"
    )
    parser.add_argument(
        "--report", type=Path, metavar="DIR", help="write a page with plots, one in Markdown, and all data"
    )
    parser.add_argument(
        "--framework-version",
        type=_versions,
        metavar="A,B",
        help="two versions of one framework: contract suite, OpenAPI documents and figures side by side; "
        "needs a clone of the repository",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measures and reports.

    Raises:
        Problem
    """
    if arguments.framework_version and len(arguments.frameworks or ()) != 1:
        raise Usage("--framework-version: name the framework it is a version of, as in --frameworks FastAPI")
    if arguments.file is None and (arguments.name or arguments.model or arguments.source):
        raise Usage("--name, --model, --source: these are about the manifest of your model; name it with -f")
    # Here, as the other commands do without rich and matplotlib.
    from mlapi_operator.cli.bench import command, yours

    choice = yours.Choice(arguments.file, arguments.name, arguments.model, arguments.source)
    options = command.Options(
        yours=choice if arguments.file else None,
        frameworks=arguments.frameworks,
        versions=arguments.framework_version,
        pairs=arguments.pairs or (QUICK_PAIRS if arguments.quick else PAIRS),
        quick=arguments.quick,
        report=arguments.report,
    )
    try:
        return command.run(options)
    except KeyboardInterrupt:
        raise Problem("stopped before all was measured; nothing was written") from None


def _frameworks(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    if unknown := [name for name in names if name not in locks.IMAGES]:
        raise argparse.ArgumentTypeError(
            f"found {', '.join(map(repr, unknown))}, wanted some of {', '.join(locks.IMAGES)}"
        )
    return names


def _pairs(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"found {text!r}, wanted a number of at least 1")
    return int(text)


def _versions(text: str) -> tuple[str, str]:
    found = [part.strip() for part in text.split(",")]
    if len(found) != 2 or not all(found) or found[0] == found[1]:
        raise argparse.ArgumentTypeError(f"found {text!r}, wanted two versions as in 0.164.0,0.165.0")
    return found[0], found[1]
