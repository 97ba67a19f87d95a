"""`mlapi rollback`: go back to an earlier revision, through the spec.

The workload fields of the spec become those of the revision; replicas, slo, suspend and all else stay.
"""

import argparse
import sys
from typing import Any

from mlapi_operator.cli import where
from mlapi_operator.cli.problem import Problem


def add_to(commands: Any) -> None:
    """Adds the command to those of `mlapi`."""
    parser = commands.add_parser("rollback", help="go back to an earlier revision", description=__doc__)
    where.add_to(parser)
    parser.add_argument(
        "--to", metavar="REVISION", help="by default the last accepted one that is not in the spec already"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="write nothing; print the manifest, as for a commit"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """
    Raises:
        Problem: there is nothing to go back to, or the MLApi changed meanwhile: nothing was written then.
    """
    # Here, as the other commands do without the packages that it needs.
    import asyncio

    asyncio.run(_go_back(arguments))
    return 0


async def _go_back(arguments: argparse.Namespace) -> None:
    from mlapi_operator.api.kinds import MLAPI
    from mlapi_operator.cli import book, gitops, kept, look
    from mlapi_operator.cli.connection import connected, find
    from mlapi_operator.cli.paper import plain, show
    from mlapi_operator.desired.revision import workload
    from mlapi_operator.protocol import Conflict

    async with connected(arguments) as connection:
        mlapi = await find(connection, arguments.name)
        present = workload(kept.understood(mlapi))
        found = await look.revisions(connection, mlapi)
        target = kept.named(found, arguments.to) if arguments.to else kept.before(found, present)
        name = f"MLApi {connection.namespace}/{arguments.name}"
        if target.fields == present:
            print(f"the spec of {name} asks for {target.revision.name} already; nothing to write")
            return
        wanted = {**mlapi, "spec": kept.restored(mlapi["spec"], target.fields)}
        if arguments.dry_run:
            print(plain(book.going_back(name, target, present)), file=sys.stderr)
            print(gitops.committed(wanted), end="")
        else:
            show(book.going_back(name, target, present))
            try:
                await connection.cluster.replace(MLAPI, wanted)
            except Conflict as error:
                raise Problem(f"{name} was changed meanwhile; nothing was written, try again") from error
            print(f"written; follow it with: mlapi status {arguments.name} {connection.options} --watch")
        for warning in gitops.warnings(wanted, f"{arguments.name} {connection.options}", arguments.dry_run):
            print(warning, file=sys.stderr)
