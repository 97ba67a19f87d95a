"""`mlapi history`: the revisions of an MLApi, what became of each, and what one of them was."""

import argparse
from typing import Any

from mlapi_operator.cli import where


def add_to(commands: Any) -> None:
    """Adds the command to those of `mlapi`."""
    parser = commands.add_parser("history", help="show the revisions of an MLApi", description=__doc__)
    where.add_to(parser)
    parser.add_argument(
        "--revision", metavar="NAME", help="show the fields of this one, and how the present spec differs"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """
    Raises:
        Problem: there is no such MLApi or revision, or the cluster does not tell.
    """
    # Here, as the other commands do without the packages that it needs.
    import asyncio

    asyncio.run(_show(arguments))
    return 0


async def _show(arguments: argparse.Namespace) -> None:
    from mlapi_operator.cli import book, kept, look
    from mlapi_operator.cli.connection import connected, find
    from mlapi_operator.cli.paper import show
    from mlapi_operator.desired.revision import workload
    from mlapi_operator.protocol import SystemClock

    async with connected(arguments) as connection:
        mlapi = await find(connection, arguments.name)
        found = await look.revisions(connection, mlapi)
    if arguments.revision:
        one = kept.named(found, arguments.revision)
        show(book.detail(mlapi, one, workload(kept.understood(mlapi)), SystemClock()()))
    else:
        show(book.overview(mlapi, found, SystemClock()()), wide=True)
