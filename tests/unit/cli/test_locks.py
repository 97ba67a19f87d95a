"""The locks that environments are made from."""

import pytest

from mlapi_operator.cli.locks import IMAGES, Pin, lock, pins

TEXT = """\
anyio==4.16.0 \\
    --hash=sha256:0a30 \\
    --hash=sha256:6bc3
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:08695
numpy==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:aaaa
"""


def test_pins_are_read_with_their_markers() -> None:
    assert pins(TEXT) == [
        Pin("anyio", "4.16.0", ""),
        Pin("colorama", "0.4.6", "sys_platform == 'win32'"),
        Pin("numpy", "2.4.6", "python_full_version < '3.12'"),
    ]


@pytest.mark.parametrize("framework", IMAGES)
def test_lock_of_a_framework_pins_it(framework: str) -> None:
    assert IMAGES[framework][1] in {pin.name for pin in pins(lock(framework).read_text())}
