"""The pages are made from the data alone, show all of it, and load nothing."""

import re

import pytest

from mlapi_operator.cli.bench import html, markdown
from mlapi_operator.cli.bench.record import Block, Memory, Model, Results, Start, Window
from mlapi_operator.cli.bench.tables import glance

LOADS = re.compile(
    r"""(?:src|href)\s*=\s*["'](?!\#)|@import|url\(\s*["']?(?!\#)|<script|<link|<iframe""", re.IGNORECASE
)


def window(server: str, turn: int, requests: int) -> Window:
    return Window(
        server=server,
        turn=turn,
        requests=requests,
        seconds=1.0,
        cpu_seconds=0.9,
        p50_microseconds=1500,
        p99_microseconds=4000,
    )


@pytest.fixture
def results() -> Results:
    windows = [
        window(server, turn, n + turn) for turn in range(2) for server, n in (("floor", 900), ("<X>", 300))
    ]
    return Results(
        title="A & B",
        date="2026-11-22",
        command="mlapi bench --quick",
        machine={"cpu": "some"},
        versions={"<X>": {"uvicorn": "0.54.0"}},
        models=[Model(name="linear", format="ONNX", inputs=["x FP32 [-1, 4]"], outputs=["p FP32 [-1, 3]"])],
        window_seconds=1,
        pairs=2,
        blocks=[
            Block(
                model="linear",
                route="json",
                body_bytes=105,
                connections=32,
                servers=["floor", "<X>"],
                windows=windows,
            )
        ],
        starts=[Start(server="<X>", model="linear", seconds=[0.9, 1.1])],
        memory=[Memory(server="<X>", model="linear", pss_bytes=50 << 20)],
        notes=["something was off"],
        appendices={"OpenAPI": "--- a\n+++ b"},
    )


def test_results_come_back_from_their_file_as_they_were(results: Results) -> None:
    assert Results.model_validate_json(results.model_dump_json(by_alias=True)) == results


def test_html_page_loads_nothing_and_escapes_what_it_shows(results: Results) -> None:
    page = html.page(results, "frameworks")
    assert not LOADS.search(page)
    assert "<X>" not in page
    assert "&lt;X&gt;" in page
    assert page.count("<svg") == page.count("</svg>") == 2
    assert "<!DOCTYPE svg" not in page
    assert "<metadata" not in page


@pytest.mark.parametrize("page", [html.page, markdown.page], ids=["html", "markdown"])
def test_page_shows_figures_machine_notes_and_what_was_not_measured(page: object, results: Results) -> None:
    assert callable(page)
    text = page(results, "frameworks")
    for part in ("0.33 [0.33, 0.33]", "some", "something was off", "+++ b", "0.54.0", "not measured", "GPUs"):
        assert part in text, part


def test_glance_puts_every_route_of_a_server_into_one_row(results: Results) -> None:
    native = results.blocks[0].model_copy(update={"route": "native"})
    found = glance(results.model_copy(update={"blocks": [*results.blocks, native]}))
    assert found.columns == ("model", "connections", "server", "native / floor", "protocol JSON / floor")
    assert [row[:3] for row in found.rows] == [["linear", "32", "<X>"]]


def test_svg_of_the_same_data_is_the_same(results: Results) -> None:
    assert html.page(results, "frameworks") == html.page(results, "frameworks")
