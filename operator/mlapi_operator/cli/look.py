"""One look at an MLApi in its cluster, and at its revisions."""

import argparse
from dataclasses import dataclass

from rich.console import Group

from mlapi_operator.api.kinds import CONTROLLER_REVISION, EVENT
from mlapi_operator.api.types import Manifest
from mlapi_operator.cli.connection import Connection, connected, find
from mlapi_operator.cli.kept import Kept, kept
from mlapi_operator.cli.page import page
from mlapi_operator.cli.paper import show
from mlapi_operator.cli.state import is_ready
from mlapi_operator.desired import labels
from mlapi_operator.protocol import Forbidden, SystemClock


@dataclass(frozen=True, slots=True)
class Look:
    """`events`: None where they may not be read."""

    mlapi: Manifest
    events: list[Manifest] | None
    options: str

    def page(self) -> Group:
        return page(self.mlapi, self.events, SystemClock()(), self.options)


async def once(arguments: argparse.Namespace) -> bool:
    """Shows it; whether it is Ready.

    Raises:
        Unreachable
    """
    async with connected(arguments) as connection:
        seen = await look(connection, arguments.name)
    show(seen.page())
    return is_ready(seen.mlapi)


async def look(connection: Connection, name: str) -> Look:
    """
    Raises:
        ApiError
        Missing: there is no such MLApi.
    """
    mlapi = await find(connection, name)
    selector = f"involvedObject.uid={mlapi['metadata']['uid']}"
    try:
        events, _ = await connection.cluster.list(EVENT, namespace=connection.namespace, fields=selector)
    except Forbidden:
        return Look(mlapi, None, connection.options)
    return Look(mlapi, events, connection.options)


async def revisions(connection: Connection, mlapi: Manifest) -> list[Kept]:
    """Newest first.

    Raises:
        ApiError
    """
    metadata = mlapi["metadata"]
    found, _ = await connection.cluster.list(
        CONTROLLER_REVISION, namespace=metadata["namespace"], labels=f"{labels.NAME}={metadata['name']}"
    )
    return kept(found, metadata["uid"])
