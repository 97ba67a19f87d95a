"""`mlapi serve`: the pod of an MLApi on this machine, as a plain user, without a cluster."""

import argparse
from pathlib import Path
from typing import Any

from mlapi_operator.cli.ports import LOOPBACK


def add_to(commands: Any) -> None:
    """Adds the command to those of `mlapi`."""
    parser = commands.add_parser("serve", help="serve an MLApi on this machine", description=__doc__)
    parser.add_argument(
        "-f", dest="file", required=True, metavar="FILE", help="the manifest in YAML, or - for standard input"
    )
    parser.add_argument("--name", help="which MLApi of the file, if it holds several")
    parser.add_argument(
        "--model", type=Path, metavar="FILE", help="a model on this machine, instead of spec.model.uri"
    )
    parser.add_argument(
        "--source",
        type=Path,
        metavar="DIR",
        help="folder with the code of spec.framework.app or spec.model.handler",
    )
    parser.add_argument("--host", default=LOOPBACK, help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=_port, default=8080, help="port to listen on, 0 for a free one (default: %(default)s)"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serves until Ctrl-C or SIGTERM.

    Returns:
        0 after these.
    Raises:
        Problem: it cannot be served, or the server failed.
    """
    # Here, as the other commands do without the packages that it needs.
    from mlapi_operator.cli.session import serve

    serve(arguments)
    return 0


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"found {text}, wanted a number from 0 to 65535")
    return int(text)
