"""How far the run is; drawn between the windows and never during one, as it would take the client's core."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars


class Progress:
    """A bar for each subject, with what is being measured beside it."""

    def __init__(self, console: Console) -> None:
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[now]}"),
            console=console,
            auto_refresh=False,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def begin(self, name: str, steps: int) -> None:
        """A new bar of so many steps."""
        self._task = self._bars.add_task(name, total=steps, now="")
        self._bars.refresh()

    def step(self, now: str) -> None:
        """One more of the newest bar's steps is done."""
        assert self._task is not None
        self._bars.update(self._task, advance=1, now=now)
        self._bars.refresh()
