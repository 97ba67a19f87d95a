"""What `mlapi serve` shows: lines, and on a terminal a last part below them that changes."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from mlapi_operator.cli import digest
from mlapi_operator.latency.progress import Progress as Fetched

LINE_SECONDS: Final = 10.0
_REFRESHES_PER_SECOND: Final = 2


class Screen:
    """One console for all: rich prints lines above what it shows live, whichever thread they come from."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)

    def say(self, text: str = "", style: str = "") -> None:
        """A line as it is: nothing in it is markup, and it is not broken into several."""
        self._console.print(Text(text, style), soft_wrap=True)

    @contextmanager
    def working(self, what: str) -> Iterator[Callable[[str], None]]:
        """While something is done that takes time; the function takes what is done just now."""
        if not self._console.is_terminal:
            yield self._step_line
            return
        with self._console.status(escape(what)) as status:
            yield lambda step: status.update(escape(f"{what}: {step.strip()}"))

    @contextmanager
    def fetching(self) -> Iterator[Callable[[Fetched], None]]:
        """While a model is fetched; the function takes how far it is."""
        if not self._console.is_terminal:
            yield self._fetched_line()
            return
        columns = (
            TextColumn("fetching the model"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console, transient=True) as bar:
            task = bar.add_task("", total=None)
            yield lambda fetched: bar.update(
                task, completed=fetched.done_bytes, total=max(fetched.total_bytes, 0) or None
            )

    @contextmanager
    def metering(self) -> Iterator[Callable[[Mapping[str, str]], None]]:
        """While the server runs; the function takes its figures."""
        if not self._console.is_terminal:
            yield self._figures_line()
            return
        with Live(console=self._console, refresh_per_second=_REFRESHES_PER_SECOND) as live:
            yield lambda figures: live.update(digest.table(figures))

    def _step_line(self, step: str) -> None:
        # Packages one by one are too much for a log, and errors come once more at the end.
        if not step.startswith((" ", "error", "hint")):
            self.say(step)

    def _fetched_line(self) -> Callable[[Fetched], None]:
        previous: Fetched | None = None

        def show(fetched: Fetched) -> None:
            nonlocal previous
            if fetched.state == "Downloading" and fetched.news_since(previous):
                total = f" of {fetched.total_bytes:,}" if fetched.total_bytes > 0 else ""
                self.say(f"fetching the model: {fetched.done_bytes:,}{total} bytes")
                previous = fetched

        return show

    def _figures_line(self) -> Callable[[Mapping[str, str]], None]:
        previous: Mapping[str, str] = {}
        due = time.monotonic() + LINE_SECONDS

        def show(figures: Mapping[str, str]) -> None:
            nonlocal previous, due
            # What nobody has asked since is no news.
            if time.monotonic() < due or figures == previous:
                return
            self.say(digest.line(figures))
            previous, due = figures, time.monotonic() + LINE_SECONDS

        return show
