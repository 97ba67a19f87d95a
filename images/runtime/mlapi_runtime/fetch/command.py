"""`mlapi-fetch`: reads the order, fetches or checks, tells how it ended."""

import os
import signal
import sys
import threading
import time
import traceback
from typing import NoReturn

from mlapi_runtime import termination
from mlapi_runtime.config import ConfigError
from mlapi_runtime.fetch.claim import check
from mlapi_runtime.fetch.download import download
from mlapi_runtime.fetch.failure import RETRY, TERMINAL, Failure
from mlapi_runtime.fetch.order import Order, parse
from mlapi_runtime.fetch.part import Origin, Part
from mlapi_runtime.fetch.progress import Progress
from mlapi_runtime.fetch.source import Source
from mlapi_runtime.places import Places


def main() -> NoReturn:
    """Exits with 0, with 65 when waiting does not help, with 75 when another try may."""
    started = time.monotonic()
    places = Places.of()
    # As PID 1 there is no default action: without a handler the pod could only be killed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    code, message = _outcome(places)
    if code == 0:
        message["seconds"] = round(time.monotonic() - started, 3)
    else:
        print(f"fetch failed: {message['reason']}: {message['message']}", file=sys.stderr)
    termination.write(places.termination_log, message)
    sys.exit(code)


def _outcome(places: Places) -> tuple[int, dict[str, object]]:
    try:
        order = parse(os.environ)
        progress = Progress()
        threading.Thread(target=_show, args=(places, progress), daemon=True).start()
        origin = check(order, progress) if order.on_claim else fetch(order, progress)
    except ConfigError as error:
        return TERMINAL, {"reason": "SourceUnreachable", "message": str(error)}
    except Failure as failure:
        return failure.exit_code, {
            "reason": failure.reason,
            "message": termination.shortened(failure.message),
        }
    except Exception as error:
        traceback.print_exc()
        text = termination.shortened(f"{type(error).__name__}: {error}")
        return RETRY, {"reason": "SourceUnreachable", "message": text}
    return 0, {"sizeBytes": origin.size_bytes, "sha256": origin.sha256}


def fetch(order: Order, progress: Progress) -> Origin:
    """Brings the file to its place, unless an earlier run did.

    Raises:
        Failure
    """
    part = Part(order.target, order.uri)
    progress.state = "Verifying"
    finished = part.finished()
    if finished is None or order.revalidate or order.sha256 not in (None, finished.sha256):
        part.resume()
        source = Source(order.allowed, order.ca_file)
        try:
            changed = download(order, source, part, progress, finished.validator if finished else "")
            if changed or finished is None:
                finished = part.finish(order.sha256)
        except Failure as failure:
            if failure.exit_code == TERMINAL:
                part.discard()
            raise
        finally:
            part.close()
    progress.state = "Done"
    return finished


def _show(places: Places, progress: Progress) -> None:
    # Imported beside the transfer: a small model is here before anyone can ask.
    from mlapi_runtime.adminport import serve

    page = {"/_mlapi/progress": lambda: (200, "application/json", progress.document())}
    serve(places.host, places.admin_port, page)
