"""The report for a browser: one file that loads nothing else."""

from collections.abc import Iterable, Iterator
from html import escape
from typing import Final

from mlapi_operator.cli.bench import plots, tables
from mlapi_operator.cli.bench.method import NOT_MEASURED, method
from mlapi_operator.cli.bench.record import Results
from mlapi_operator.cli.bench.tables import Table

STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem;
  margin: 2rem auto; padding: 0 1rem; color: #222 }
h1, h2 { line-height: 1.2 } h2 { margin-top: 2.5rem }
table { border-collapse: collapse; font-size: 13px; display: block; overflow-x: auto }
th, td { padding: .25rem .6rem; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap }
th.text, td.text { text-align: left }
svg { max-width: 100%; height: auto }
code { background: #f3f3f3; padding: .1rem .3rem }
"""
TEXT: Final = ' class="text"'


def page(results: Results, stem: str) -> str:
    """
    Args:
        stem: of the file name of the data beside the page.
    """
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(results.title)}</title>\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(_parts(results, stem))
        + "\n</body>\n</html>\n"
    )


def _parts(results: Results, stem: str) -> Iterator[str]:
    yield f"<h1>{escape(results.title)}</h1>"
    yield (
        f"<p>Measured on {results.date} by <code>{escape(results.command)}</code>; every window is in "
        f"<code>{escape(stem)}.json</code>. Ratios: requests/s above 1 is faster, CPU below 1 is cheaper.</p>"
    )
    yield from _paragraphs(results.notes)
    yield from _section(tables.glance(results))
    for i, (table, (_, _, blocks)) in enumerate(
        zip(tables.comparisons(results), tables.routes(results), strict=True)
    ):
        yield from _section(table, plots.ratios(blocks, f"ratios{i}"))
    yield from _section(tables.starts(results), plots.starts(results, "starts"))
    yield from _section(tables.memory(results))
    for title, text in results.appendices.items():
        yield f"<h2>{escape(title)}</h2>\n<pre>{escape(text)}</pre>"
    yield "<h2>How it was measured</h2>"
    yield from _paragraphs(method(results))
    yield "<h2>What was not measured</h2>"
    yield "<ul>" + "".join(f"<li>{escape(each)}</li>" for each in NOT_MEASURED) + "</ul>"
    for table in (tables.models(results), tables.machine(results), tables.versions(results)):
        yield from _section(table)


def _section(table: Table, plot: str = "") -> Iterator[str]:
    yield f"<h2>{escape(table.title)}</h2>"
    yield plot
    yield _drawn(table)


def _paragraphs(texts: Iterable[str]) -> Iterator[str]:
    return (f"<p>{escape(text)}</p>" for text in texts)


def _drawn(table: Table) -> str:
    def row(tag: str, cells: Iterable[str]) -> str:
        found = (
            f"<{tag}{TEXT if i < table.texts else ''}>{escape(cell)}</{tag}>" for i, cell in enumerate(cells)
        )
        return f"<tr>{''.join(found)}</tr>"

    head = row("th", table.columns)
    body = "\n".join(row("td", cells) for cells in table.rows)
    return f"<table>\n<thead>{head}</thead>\n<tbody>\n{body}\n</tbody>\n</table>"
