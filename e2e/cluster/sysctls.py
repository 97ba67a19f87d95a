"""Settings of the machine that a kubelet changes: noted before the first cluster, set back by the last."""

import json
from pathlib import Path
from typing import Final

_KERNEL: Final = Path("/proc/sys")
_CHANGED: Final = (
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
    "net/ipv4/ip_forward",
)


def _boot() -> str:
    return (_KERNEL / "kernel/random/boot_id").read_text().strip()


def save(file: Path) -> None:
    """Writes the values of now, unless a cluster that is already there has written those of before."""
    if file.exists() and json.loads(file.read_text())["boot"] == _boot():
        return
    values = {name: (_KERNEL / name).read_text().strip() for name in _CHANGED if (_KERNEL / name).exists()}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"boot": _boot(), "values": values}))


def restore(file: Path) -> None:
    """Sets the saved values, unless the machine was started anew since, and forgets them."""
    if not file.exists():
        return
    saved = json.loads(file.read_text())
    if saved["boot"] == _boot():
        for name, value in saved["values"].items():
            if (_KERNEL / name).read_text().strip() != value:
                (_KERNEL / name).write_text(value)
    file.unlink()
