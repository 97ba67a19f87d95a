"""Installs a lock, or the wheels of a folder, into the image that is being built: `python3 install.py PATH`.

Packages lie in the interpreter's own site directory, as overlay venvs do not chain. /opt/app is the empty
overlay that starts the server, for builders and users to fill; code in /opt/app/src can be imported.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from compileall import compile_file
from concurrent.futures import ProcessPoolExecutor
from importlib.util import cache_from_source
from pathlib import Path
from py_compile import PycInvalidationMode

TOOLS = Path("/tmp/tools")  # noqa: S108 - nobody else is in there
OVERLAY = Path("/opt/app")
# Nobody imports modules of these; but skops, as it is imported, walks through all packages of scikit-learn.
LEFT = {"stdlib": {"test", "tests", "idlelib", "turtledemo"}, "purelib": {"tests"}, "platlib": {"tests"}}


def venv(*arguments: str | Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", *arguments], check=True)


def install(path: Path) -> None:
    """With a pip that does not stay."""
    lock = ["--require-hashes", f"--requirement={path}"]
    wheels = ["--no-deps", "--no-index", *map(str, path.glob("*.whl"))]
    venv(TOOLS)
    command = [f"{TOOLS}/bin/pip", f"--python={sys.executable}", "install", "--quiet", "--no-cache-dir"]
    command += ["--no-compile", "--break-system-packages", "--root-user-action=ignore"]
    subprocess.run([*command, *(wheels if path.is_dir() else lock)], check=True)
    shutil.rmtree(TOOLS)


def uncompiled() -> set[Path]:
    """Sources without bytecode. What has some is left alone: written anew, it would fill another layer."""
    return {
        source
        for name, left in LEFT.items()
        for source in Path(sysconfig.get_path(name)).rglob("*.py")
        if source.name == "__init__.py" or not left & set(source.parts)
        if not os.path.exists(cache_from_source(str(source)))
    }


def compiled(source: Path) -> bool:
    # By hash, not by time: tools rewrite times, and the read-only root of a pod would never get new bytecode.
    return bool(compile_file(source, quiet=1, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH))


def overlay() -> None:
    venv("--without-pip", "--system-site-packages", OVERLAY)
    (site,) = OVERLAY.glob("lib/python*/site-packages")
    (site / "src.pth").write_text(f"{OVERLAY}/src\n")


def main() -> None:
    install(Path(sys.argv[1]))
    with ProcessPoolExecutor() as pool:
        if not all(pool.map(compiled, uncompiled(), chunksize=32)):
            sys.exit("install: some sources do not compile, see above")
    if not OVERLAY.exists():
        overlay()


if __name__ == "__main__":
    main()
