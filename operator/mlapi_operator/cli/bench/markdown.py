"""The page of the documentation, made from the results alone."""

import textwrap
from collections.abc import Iterator
from functools import partial
from typing import Final

from mlapi_operator.cli.bench import tables
from mlapi_operator.cli.bench.method import NOT_MEASURED, method
from mlapi_operator.cli.bench.record import Results
from mlapi_operator.cli.bench.tables import Table

fill: Final = partial(textwrap.fill, width=118, break_long_words=False, break_on_hyphens=False)


def page(results: Results, stem: str) -> str:
    """
    Args:
        stem: of the file names of the data and the plots beside the page.
    """
    return "\n\n".join(_parts(results, stem)) + "\n"


def _parts(results: Results, stem: str) -> Iterator[str]:
    yield f"# {results.title}"
    yield fill(
        f"Measured on {results.date} by `{results.command}`; every window is in `{stem}.json`, the plots are "
        f"in `{stem}.html`. Ratios: requests/s above 1 is faster, CPU below 1 is cheaper."
    )
    yield from map(fill, results.notes)
    found = (tables.glance(results), *tables.comparisons(results))
    for table in (*found, tables.starts(results), tables.memory(results)):
        yield from _section(table)
    for title, text in results.appendices.items():
        yield f"## {title}"
        yield f"```\n{text}\n```"
    yield "## How it was measured"
    yield from map(fill, method(results))
    yield "## What was not measured"
    yield "\n".join(fill(f"- {each}", subsequent_indent="  ") for each in NOT_MEASURED)
    for table in (tables.models(results), tables.machine(results), tables.versions(results)):
        yield from _section(table)


def _section(table: Table) -> Iterator[str]:
    yield f"## {table.title}"
    rules = ["---" if i < table.texts else "---:" for i in range(len(table.columns))]
    yield "\n".join(f"| {' | '.join(row)} |" for row in (table.columns, rules, *table.rows))
