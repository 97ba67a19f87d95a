"""`mlapi` as somebody at a terminal runs it against a cluster."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
COMMAND: Final = (sys.executable, "-m", "mlapi_operator.cli")


def environment(kubeconfig: Path | None) -> dict[str, str]:
    """
    Args:
        kubeconfig: None for somebody who has none.
    """
    kept = {name: value for name, value in os.environ.items() if name != "KUBECONFIG"}
    named = {"KUBECONFIG": str(kubeconfig)} if kubeconfig else {"HOME": "/nonexistent"}
    return {**kept, **named, "PYTHONPATH": f"{ROOT}/operator:{ROOT}/images/runtime"}


def mlapi(kubeconfig: Path | None, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Runs it with its output in pipes."""
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment(kubeconfig),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
