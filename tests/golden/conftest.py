"""Golden cases: a folder per kind and case holds mlapi.yaml, facts.yaml and expected.yaml.

`pytest tests/golden --update-golden` writes expected.yaml anew; the change is then read as a diff.
"""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write what is built as what is expected")
