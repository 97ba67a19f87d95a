"""What docs/models.md says about formats works as it stands."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from mlapi_runtime.config import Model
from mlapi_runtime.errors import BadInput
from mlapi_runtime.formats import handler, sklearn

BLOCKS = re.findall(
    r"```python\n(.*?)```", (Path(__file__).parents[3] / "docs" / "models.md").read_text(), re.DOTALL
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sentiment", raising=False)
    return tmp_path


def test_file_that_the_documentation_writes_is_served(folder: Path) -> None:
    exec(BLOCKS[0], {})
    model = sklearn.load(Model("iris", "Sklearn", "iris.skops"), 1)
    answer = model.run({"input": np.array([[5.1, 3.5, 1.4, 0.2]])})
    assert answer["label"].tolist() == [0]
    np.testing.assert_allclose(answer["probabilities"], [[0.98, 0.02, 0.0]], atol=0.005)


def test_handler_of_the_documentation_is_served(folder: Path) -> None:
    (folder / "sentiment.py").write_text(BLOCKS[1])
    (folder / "weights.json").write_text(json.dumps({"good": 1, "bad": -2}))
    model = handler.load(Model("sentiment", "Python", "weights.json", "sentiment:Sentiment"), 1)
    answer = model.run({"text": np.array(["Good, good", "so bad it is good"], np.object_)})
    assert answer["score"].tolist() == [1, -1]
    with pytest.raises(BadInput, match="text: found an empty text"):
        model.run({"text": np.array([""], np.object_)})
