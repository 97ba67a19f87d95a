"""`mlapi status`: what runs, whether it answers and how fast, and what to do if it does not.

Exit status: 0 when Ready, 1 when not, 2 when that could not be found out.
"""

import argparse
from typing import Any

from mlapi_operator.cli import where


def add_to(commands: Any) -> None:
    """Adds the command to those of `mlapi`."""
    parser = commands.add_parser("status", help="show how an MLApi does in a cluster", description=__doc__)
    where.add_to(parser)
    parser.add_argument(
        "-w", "--watch", action="store_true", help="follow it until Ctrl-C; in a pipe, a line for each change"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """
    Returns:
        0 if the MLApi is Ready, or was when it was last seen; 1 if not.
    Raises:
        Problem: it cannot be told.
    """
    # Here, as the other commands do without the packages that it needs.
    import asyncio

    from mlapi_operator.cli import look, watching

    ready = asyncio.run(watching.watch(arguments) if arguments.watch else look.once(arguments))
    return 0 if ready else 1
