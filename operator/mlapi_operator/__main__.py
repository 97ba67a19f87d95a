"""`python -m mlapi_operator`: settings from the environment, then the process of app.py."""

import asyncio
import logging
import os
import sys

from mlapi_operator import logs
from mlapi_operator.settings import Settings, SettingsError

log = logging.getLogger(__name__)


def main() -> int:
    try:
        settings = Settings.from_environment(os.environ)
    except SettingsError as error:
        print(f"settings: {error}", file=sys.stderr)
        return 2
    logs.configure(settings.log_level, settings.log_format)
    # Imported late: a wrong setting is told at once, not after a second of imports.
    from mlapi_operator.app import run

    try:
        return asyncio.run(run(settings))
    except Exception:
        log.exception("ended by an error")
        return 1


if __name__ == "__main__":
    sys.exit(main())
