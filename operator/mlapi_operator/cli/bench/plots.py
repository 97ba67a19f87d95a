"""Plots of the results as SVG, each complete in itself."""

import io
import re
from collections.abc import Callable, Sequence
from typing import Final

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Plot
from matplotlib.ticker import NullLocator

from mlapi_operator.cli.bench.candidates import TWIN
from mlapi_operator.cli.bench.figures import Figure, figures
from mlapi_operator.cli.bench.record import Block, Results
from mlapi_operator.cli.bench.stats import Estimate, median

# They differ also for eyes that confuse colours. Source: Okabe and Ito, Color Universal Design.
COLOURS: Final = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000")
GREY: Final = "#888888"
TICKS: Final = (0.1, 0.2, 0.5, 1, 2, 5, 10)
WIDTH_INCHES: Final = 9.0
ROW_INCHES: Final = 0.24
MARGIN_INCHES: Final = 0.9


def ratios(blocks: Sequence[Block], salt: str) -> str:
    """Requests per second and CPU per request beside the floor; rows are servers and numbers of connections.

    The band is what the floor's twin reached: no difference.

    Args:
        blocks: of one model and route.
        salt: sets the names inside this plot apart from those of others on the same page.
    """
    rows = [figure for block in blocks for figure in figures(block) if figure.against == block.servers[0]]
    servers = list(dict.fromkeys(row.server for row in rows))
    plot = _plot(len(rows))
    left, right = plot.subplots(1, 2, sharey=True)
    _ratios(left, rows, servers, lambda row: row.requests_ratio, "requests/s beside the floor; right: faster")
    _ratios(right, rows, servers, lambda row: row.cpu_ratio, "CPU/request beside the floor; left: cheaper")
    left.set_yticks(range(len(rows)), [f"{row.server}, {row.connections}" for row in rows])
    left.invert_yaxis()
    return _svg(plot, salt)


def starts(results: Results, salt: str) -> str:
    """Each start as a point, the median as a bar."""
    plot = _plot(len(results.starts))
    axes = plot.subplots()
    names = [start.server for start in results.starts]
    axes.barh(range(len(names)), [median(start.seconds) for start in results.starts], color=COLOURS[4])
    for place, start in enumerate(results.starts):
        axes.plot(start.seconds, [place] * len(start.seconds), "o", color=COLOURS[-1], markersize=3)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_title("seconds from the start of the process until ready", fontsize=9)
    return _svg(plot, salt)


def _ratios(
    axes: Axes,
    rows: Sequence[Figure],
    servers: Sequence[str],
    pick: Callable[[Figure], Estimate | None],
    title: str,
) -> None:
    twins = [found for row in rows if row.server == TWIN.name and (found := pick(row)) is not None]
    if twins:
        low, high = min(found.low for found in twins), max(found.high for found in twins)
        axes.axvspan(low, high, color=GREY, alpha=0.15)
    for place, row in enumerate(rows):
        if (found := pick(row)) is not None:
            colour = COLOURS[servers.index(row.server) % len(COLOURS)]
            error = [[found.median - found.low], [found.high - found.median]]
            axes.errorbar(found.median, place, xerr=error, fmt="o", color=colour, capsize=2, markersize=4)
    axes.axvline(1, color=GREY, linewidth=0.8)
    axes.set_xscale("log")
    axes.set_xticks(TICKS, [f"{tick:g}" for tick in TICKS])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(axis="x", color="#dddddd", linewidth=0.5)
    axes.set_title(title, fontsize=9)


def _plot(rows: int) -> Plot:
    return Plot(figsize=(WIDTH_INCHES, MARGIN_INCHES + ROW_INCHES * rows), layout="constrained")


def _svg(plot: Plot, salt: str) -> str:
    """The element alone: without the prolog and the metadata, which name other documents; text stays text."""
    found = io.StringIO()
    with rc_context(
        {"svg.fonttype": "none", "svg.hashsalt": salt, "font.size": 9, "font.family": "sans-serif"}
    ):
        plot.savefig(found, format="svg")
    text = found.getvalue()
    return re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
