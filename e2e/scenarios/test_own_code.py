"""Code of users, in images built FROM ours: an application around the model, a model of another kind."""

from pathlib import Path

import httpx
import pytest
import yaml

from e2e.digits import INPUT, Digits
from e2e.world import World

pytestmark = pytest.mark.node

EXAMPLES = Path(__file__).parents[2] / "examples"
ZERO = ["  .##.  ", " o#..#o ", " #o  o# ", " #.  .# ", " #    # ", " #.  .# ", " .#..#o ", "  .##.  "]


def applied(demo: World, folder: Path, base: str) -> str:
    """The address of an example, built, pushed, its digest written into its manifest, and Ready."""
    manifest = yaml.safe_load((folder / "mlapi.yaml").read_text())
    manifest["spec"]["image"] = image = demo.own_image(folder, base)
    demo.kube.apply(manifest)
    name = manifest["metadata"]["name"]
    assert demo.ready(name)["status"]["image"] == {"reference": image, "source": "Provided"}
    return f"http://{demo.address(name)}"


@pytest.mark.parametrize("base", ["fastapi", "litestar", "django-ninja"])
def test_application_of_ones_own_keeps_its_routes_and_gets_those_of_the_model(
    base: str, demo: World, digits: Digits
) -> None:
    url = applied(demo, EXAMPLES / "apps" / base, base)
    read = httpx.post(f"{url}/read?language=de", json={"rows": ZERO}, timeout=60)
    assert read.status_code == 200, read.text
    assert (read.json()["digit"], read.json()["word"]) == (0, "null")
    assert read.headers["server-timing"].startswith("app;dur=")
    answer = httpx.post(f"{url}/predict", json={INPUT: digits.images[:9].tolist()}, timeout=60)
    assert answer.json()["label"] == digits.expected()[:9]


def test_handler_of_ones_own_serves_a_model_that_no_format_covers(demo: World) -> None:
    folder = EXAMPLES / "handlers" / "seasons"
    url = applied(demo, folder, "litestar")
    seasons = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0]
    answer = httpx.post(f"{url}/predict", json={"history": seasons * 3, "ahead": [4]}, timeout=60)
    assert answer.json() == {"forecast": pytest.approx([1, 2, 3, 4])}
    short = httpx.post(f"{url}/predict", json={"history": seasons, "ahead": [4]}, timeout=60)
    assert short.status_code == 422, short.text
    assert "two seasons, 24, or more" in short.text
