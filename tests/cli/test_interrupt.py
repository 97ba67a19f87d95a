"""The end that a user gives a command: no traceback, whatever it was doing."""

import signal
import socket
import subprocess
from pathlib import Path

import yaml

from tests.support.terminal import COMMAND, environment


def leading_to(server: str, folder: Path) -> Path:
    """A kubeconfig."""
    context = {"name": "x", "context": {"cluster": "c", "user": "u"}}
    config = {
        "current-context": "x",
        "contexts": [context],
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {}}],
    }
    file = folder / "kubeconfig"
    file.write_text(yaml.safe_dump(config))
    return file


def test_command_that_waits_for_a_silent_api_server_ends_with_ctrl_c(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        kubeconfig = leading_to(f"http://127.0.0.1:{server.getsockname()[1]}", tmp_path)
        process = subprocess.Popen(
            [*COMMAND, "status", "digits"],
            env=environment(kubeconfig),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        server.accept()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "")


def test_command_whose_reader_has_seen_enough_ends_quietly(tmp_path: Path) -> None:
    manifest = "examples/digits-fastapi.yaml"
    process = subprocess.Popen(
        [*COMMAND, *("validate", *["-f", manifest] * 1000)],
        env=environment(None),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    assert process.stdout.readline() == f"{manifest}: MLApi digits: OK\n"
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert process.wait(60) == 1
