"""Following an MLApi: a page that is kept up to date on a terminal, a line for each change elsewhere."""

import argparse
import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Final, Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from mlapi_operator.cli.connection import Missing, Unreachable, connected
from mlapi_operator.cli.look import Look, look
from mlapi_operator.cli.page import line
from mlapi_operator.cli.paper import show
from mlapi_operator.cli.state import is_ready
from mlapi_operator.observe.times import timestamp

# Asking again needs no watch to be kept alive: what broke off is over with the next look.
EVERY_SECONDS: Final = 2.0


class Display(Protocol):
    """`last`: what was seen last; None before the first look."""

    last: Look | None

    def seen(self, found: Look) -> None: ...

    def missed(self, why: str) -> None: ...


async def watch(arguments: argparse.Namespace) -> bool:
    """Follows it until SIGINT or SIGTERM; whether it was Ready when last seen.

    Raises:
        Unreachable: the first look failed, or the MLApi was deleted.
    """
    with displayed() as display:
        following = asyncio.create_task(follow(arguments, display))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, following.cancel)
        with suppress(asyncio.CancelledError):
            await following
    if display.last is None:
        return False
    if isinstance(display, Page):
        show(display.last.page())  # the screen that was kept up to date is gone with the command
    return is_ready(display.last.mlapi)


async def follow(arguments: argparse.Namespace, display: Display) -> None:
    """Without end; once it was seen, trouble is told and all is tried again, from the kubeconfig on."""
    while True:
        try:
            async with connected(arguments) as connection:
                while True:
                    display.seen(await look(connection, arguments.name))
                    await asyncio.sleep(EVERY_SECONDS)
        except Missing:
            raise
        except Unreachable as trouble:
            if display.last is None:
                raise
            display.missed(str(trouble))
        await asyncio.sleep(EVERY_SECONDS)


@contextmanager
def displayed() -> Iterator[Display]:
    console = Console(highlight=False)
    if not console.is_terminal:
        yield Lines()
        return
    with Live(console=console, screen=True, auto_refresh=False) as live:
        yield Page(live)


class Page:
    """On a terminal. What was seen last stays, with the trouble above it."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self.last: Look | None = None

    def seen(self, found: Look) -> None:
        self.last = found
        self._live.update(found.page(), refresh=True)

    def missed(self, why: str) -> None:
        pages = [self.last.page()] if self.last else []
        self._live.update(Group(Text(f"{why}; trying again", "red"), *pages), refresh=True)


class Lines:
    """In a pipe or a log."""

    def __init__(self) -> None:
        self.last: Look | None = None
        self._said = ""

    def seen(self, found: Look) -> None:
        self.last = found
        self._say(line(found.mlapi))

    def missed(self, why: str) -> None:
        self._say(f"{why}; trying again")

    def _say(self, text: str) -> None:
        if text != self._said:
            print(f"{timestamp(datetime.now(UTC))} {text}", flush=True)
            self._said = text
