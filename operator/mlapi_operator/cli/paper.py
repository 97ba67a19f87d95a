"""How tables and texts of the commands about a cluster are laid out and printed."""

from collections.abc import Set
from io import StringIO
from typing import Final

from rich.console import Console, RenderableType
from rich.table import Table

# Wider than any message of a status, so that no line is broken where the output is no terminal.
_WIDE: Final = 20_000


def table(*columns: str, right: Set[str] = frozenset()) -> Table:
    """Without lines; on a narrow terminal the last column is the one that is broken into several lines.

    Args:
        columns: heads, all of them empty for a table without.
        right: which of the columns hold figures.
    """
    made = Table(box=None, show_header=any(columns), pad_edge=False, padding=(0, 2, 0, 0))
    for number, column in enumerate(columns, start=1):
        made.add_column(
            column,
            header_style="dim",
            justify="right" if column in right else "left",
            no_wrap=number < len(columns),
            overflow="fold",
        )
    return made


def show(part: RenderableType, *, wide: bool = False) -> None:
    """On standard output: in colours on a terminal, else as `plain`.

    Args:
        wide: lines are not fitted to the terminal, as those of kubectl are not.
    """
    console = Console(highlight=False, width=_WIDE if wide else None)
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
