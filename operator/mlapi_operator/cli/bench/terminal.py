"""Tables in the terminal."""

from rich import box
from rich.console import Console
from rich.table import Table as RichTable

from mlapi_operator.cli.bench import tables
from mlapi_operator.cli.bench.record import Results
from mlapi_operator.cli.bench.tables import Table


def show(results: Results, console: Console) -> None:
    found = (*tables.comparisons(results), tables.starts(results), tables.memory(results))
    for table in (*found, tables.glance(results)):  # what matters most is seen last
        console.print(_drawn(table))
    for note in results.notes:
        console.print(note, highlight=False)
    for title, text in results.appendices.items():
        console.rule(title)
        console.print(text, highlight=False, markup=False)


def _drawn(table: Table) -> RichTable:
    drawn = RichTable(title=table.title, title_justify="left", box=box.SIMPLE)
    for i, column in enumerate(table.columns):
        drawn.add_column(column, justify="left" if i < table.texts else "right")
    for row in table.rows:
        drawn.add_row(*row)
    return drawn
