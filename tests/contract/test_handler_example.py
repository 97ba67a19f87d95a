"""The example of a handler does what its README says: it forecasts, as its manifest has it served."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import yaml

from tests.support.serving import Pod, configuration

EXAMPLE = Path(__file__).parents[2] / "examples" / "handlers" / "seasons"
# Airline passengers a month in thousands, 1949 to 1959. Source: Box and Jenkins, "Time Series Analysis", G.
PASSENGERS = [
    *(112, 118, 132, 129, 121, 135, 148, 148, 136, 119, 104, 118),
    *(115, 126, 141, 135, 125, 149, 170, 170, 158, 133, 114, 140),
    *(145, 150, 178, 163, 172, 178, 199, 199, 184, 162, 146, 166),
    *(171, 180, 193, 181, 183, 218, 230, 242, 209, 191, 172, 194),
    *(196, 196, 236, 235, 229, 243, 264, 272, 237, 211, 180, 201),
    *(204, 188, 235, 227, 234, 264, 302, 293, 259, 229, 203, 229),
    *(242, 233, 267, 269, 270, 315, 364, 347, 312, 274, 237, 278),
    *(284, 277, 317, 313, 318, 374, 413, 405, 355, 306, 271, 306),
    *(315, 301, 356, 348, 355, 422, 465, 467, 404, 347, 305, 336),
    *(340, 318, 362, 348, 363, 435, 491, 505, 404, 359, 310, 337),
    *(360, 342, 406, 396, 420, 472, 548, 559, 463, 407, 362, 405),
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    spec = yaml.safe_load((EXAMPLE / "mlapi.yaml").read_text())["spec"]
    config = configuration(EXAMPLE / "passengers.json", framework=spec["framework"]["name"])
    config["model"].update(format=spec["model"]["format"], handler=spec["model"]["handler"])
    with (
        Pod(tmp_path_factory.mktemp("pod"), config, source=EXAMPLE) as pod,
        httpx.Client(base_url=pod.started().url) as client,
    ):
        yield client


def test_year_ahead_is_forecast_within_ten_percent(client: httpx.Client) -> None:
    known, wanted = PASSENGERS[:-12], np.array(PASSENGERS[-12:])
    answer = client.post("/predict", json={"history": known, "ahead": [12]})
    assert answer.status_code == 200
    forecast = np.array(answer.json()["forecast"])
    assert forecast.shape == (12,)
    assert np.abs(forecast / wanted - 1).mean() < 0.1
    assert forecast.argmax() == wanted.argmax()


def test_series_that_the_model_cannot_use_is_refused_by_name(client: httpx.Client) -> None:
    short = client.post("/predict", json={"history": PASSENGERS[:23], "ahead": [1]})
    assert (short.status_code, short.json()["errors"]) == (
        422,
        [{"field": "history", "found": "23 values", "wanted": "two seasons, 24, or more, all above 0"}],
    )
    far = client.post("/predict", json={"history": PASSENGERS, "ahead": [1001]})
    assert (far.status_code, far.json()["errors"][0]["field"]) == (422, "ahead[0]")


def test_smoke_test_passes(client: httpx.Client) -> None:
    assert client.get("/_mlapi/smoke").status_code == 200
