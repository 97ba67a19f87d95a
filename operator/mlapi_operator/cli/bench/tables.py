"""Results as tables, whatever draws them. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from mlapi_operator.cli.bench.candidates import TWIN
from mlapi_operator.cli.bench.figures import Figure, figures
from mlapi_operator.cli.bench.method import ROUTES, SHORT
from mlapi_operator.cli.bench.record import Block, Results
from mlapi_operator.cli.bench.stats import Estimate, median

NOTHING: Final = "-"
COLUMNS: Final = (
    "connections",
    "server",
    "against",
    "requests/s, ratio",
    "CPU/request, ratio",
    "requests/s",
    "CPU us",
    "p50 ms",
    "p99 ms",
    "errors",
)


@dataclass(frozen=True, slots=True)
class Table:
    """`texts`: how many columns from the left hold words; the others hold figures."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    texts: int = 1


def routes(results: Results) -> Iterator[tuple[str, str, list[Block]]]:
    """Blocks that belong together: the model, the route, and its blocks in the order of connections."""
    order = {model.name: i for i, model in enumerate(results.models)}

    def place(block: Block) -> tuple[int, int]:
        return order[block.model], list(ROUTES).index(block.route)

    for _, blocks in groupby(sorted(results.blocks, key=place), key=place):
        found = sorted(blocks, key=lambda block: block.connections)
        yield found[0].model, found[0].route, found


def glance(results: Results) -> Table:
    """What a request costs: rows for each model and number of connections, the floor's twin first."""
    names = [model.name for model in results.models]
    hosted = [TWIN.name, *(start.server for start in results.starts)]
    found: dict[tuple[int, int, int], dict[str, str]] = {}
    for model, route, blocks in routes(results):
        for each in (figure for block in blocks for figure in figures(block) if figure.server in hosted):
            row = found.setdefault((names.index(model), each.connections, hosted.index(each.server)), {})
            against = each.against.removeprefix(f"{each.server} ")  # `by hand`, of whichever framework
            row[f"{SHORT[route]} / {against}"] = _ratio(each.cpu_ratio)
    columns = list(dict.fromkeys(column for row in found.values() for column in row))
    rows = [
        [names[model], str(connections), hosted[server], *(row.get(column, NOTHING) for column in columns)]
        for (model, connections, server), row in sorted(found.items())
    ]
    return Table("CPU per request, ratio", ("model", "connections", "server", *columns), rows, texts=3)


def comparisons(results: Results) -> Iterator[Table]:
    """A table for each model and route, the floor against its twin first."""
    for model, route, blocks in routes(results):
        title = f"{model}: {ROUTES[route]}, {_bytes(blocks[0].body_bytes)}"
        rows = [_row(figure) for block in blocks for figure in figures(block)]
        yield Table(title, COLUMNS, rows, texts=3)


def starts(results: Results) -> Table:
    rows = [
        [start.server, start.model, *_three(start.seconds), str(len(start.seconds))]
        for start in results.starts
    ]
    return Table(
        "From the start of the process until ready, seconds",
        ("server", "model", "median", "least", "most", "starts"),
        rows,
        texts=2,
    )


def memory(results: Results) -> Table:
    rows = [[each.server, each.model, f"{each.pss_bytes / 2**20:.0f}"] for each in results.memory]
    return Table("Memory after the load, PSS of the process tree, MiB", ("server", "model", "MiB"), rows, 2)


def models(results: Results) -> Table:
    rows = [
        [each.name, each.format, ", ".join(each.inputs), ", ".join(each.outputs)] for each in results.models
    ]
    return Table("Models", ("name", "format", "inputs", "outputs"), rows, texts=4)


def machine(results: Results) -> Table:
    return Table("Machine", ("", ""), [[name, value] for name, value in results.machine.items()], texts=2)


def versions(results: Results) -> Table:
    """A row for each package that one of the environments has."""
    environments = list(results.versions)
    packages = dict.fromkeys(name for found in results.versions.values() for name in found)
    rows = [[name, *(results.versions[env].get(name, NOTHING) for env in environments)] for name in packages]
    return Table("Versions", ("package", *environments), rows, texts=1 + len(environments))


def _row(figure: Figure) -> list[str]:
    cpu = figure.cpu_microseconds
    return [
        str(figure.connections),
        figure.server,
        figure.against,
        _ratio(figure.requests_ratio),
        _ratio(figure.cpu_ratio),
        f"{figure.requests_per_second:,.0f}",
        NOTHING if cpu is None else f"{cpu:,.0f}",
        f"{figure.p50_milliseconds:.2f}",
        f"{figure.p99_milliseconds:.2f}",
        str(figure.errors),
    ]


def _ratio(found: Estimate | None) -> str:
    return NOTHING if found is None else f"{found.median:.2f} [{found.low:.2f}, {found.high:.2f}]"


def _three(seconds: Sequence[float]) -> list[str]:
    return [f"{value:.2f}" for value in (median(seconds), min(seconds), max(seconds))]


def _bytes(count: int) -> str:
    return f"{count:,} bytes"
