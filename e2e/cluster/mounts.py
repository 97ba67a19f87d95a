"""Unmounting by place."""

import subprocess
from pathlib import Path


def unmount_below(folder: Path) -> None:
    """Unmounts whatever is mounted at a folder and below it, the latest first."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        # Blanks and the like are written as octal escapes.
        point = Path(line.split()[4].encode().decode("unicode_escape"))
        if point.is_relative_to(folder):
            found.append(point)
    for point in reversed(found):
        subprocess.run(["umount", str(point)], check=True)
