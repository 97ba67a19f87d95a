"""preStop of the serving container: connections are given back while others still learn that the pod goes.

From its SIGTERM on a server refuses connections, but kube-proxy and ingresses send some for seconds more.
"""

import os
import signal
import sys
import time

from mlapi_runtime.config import ConfigError, parse

LAUNCHER = 1


def main() -> None:
    try:
        config = parse(os.environ)
    except ConfigError as error:
        sys.exit(str(error))
    os.kill(LAUNCHER, signal.SIGUSR1)
    time.sleep(config.drain_seconds)


if __name__ == "__main__":
    main()
