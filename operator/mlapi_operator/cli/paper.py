"""How tables and texts of the commands about a cluster are laid out and printed."""

from collections.abc import Set
from io import StringIO
from typing import Final

from rich.console import Console, RenderableType
from rich.table import Table

# Wider than any message of a status, so that no line is broken where the output is no terminal.
_WIDE: Final = 20_000


def table(*columns: str, right: Set[str] = frozenset()) -> Table:
    """Without lines. `right`: which of the columns hold figures."""
    made = Table(box=None, show_header=bool(columns), pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(column, header_style="dim", justify="right" if column in right else "left")
    return made


def show(part: RenderableType) -> None:
    """On standard output: in colours and wrapped on a terminal, else line by line as it is."""
    console = Console(highlight=False)
    if console.is_terminal:
        console.print(part, crop=False)
    else:
        print(plain(part))


def plain(part: RenderableType) -> str:
    """Without colours, and no line broken or padded."""
    console = Console(file=StringIO(), width=_WIDE, color_system=None, highlight=False, legacy_windows=False)
    with console.capture() as captured:
        console.print(part)
    return "\n".join(line.rstrip() for line in captured.get().rstrip("\n").split("\n"))
