"""A part says why it cannot grow, and what it belongs to survives the process."""

from pathlib import Path

import pytest

from mlapi_runtime.fetch.failure import Failure
from mlapi_runtime.fetch.part import Origin, Part

URI = "https://models.example.com/m.onnx"


def test_full_volume_is_said_to_be_so_and_the_part_can_be_given_up(tmp_path: Path) -> None:
    (tmp_path / "m.onnx.part").symlink_to("/dev/full")
    part = Part(tmp_path / "m.onnx", URI)
    part.restart(Origin(URI))
    with pytest.raises(Failure, match="the volume is full after 0 bytes") as raised:
        part.append(b"x" * 100_000)
    assert (raised.value.reason, raised.value.exit_code) == ("NoSpace", 65)
    part.discard()
    assert list(tmp_path.iterdir()) == []


def test_part_is_resumed_for_the_same_address_alone(tmp_path: Path) -> None:
    first = Part(tmp_path / "m.onnx", URI)
    first.restart(Origin(URI, '"tag"', 6))
    first.append(b"abc")
    first.close()
    other = Part(tmp_path / "m.onnx", "https://elsewhere.example.com/m.onnx")
    other.resume()
    assert other.length == 0
    second = Part(tmp_path / "m.onnx", URI)
    second.resume()
    assert (second.length, second.origin.validator) == (3, '"tag"')
    second.append(b"def")
    sha256 = "bef57ec7f53a6d40beb640a780a639c83bc29ac8a9816f1fc6c5c6dcd93c4721"
    assert second.finish(sha256).size_bytes == 6
    assert (tmp_path / "m.onnx").read_bytes() == b"abcdef"
    third = Part(tmp_path / "m.onnx", URI)
    assert third.finished() is not None
    (tmp_path / "m.onnx").write_bytes(b"abcdeX")
    assert third.finished() is None
