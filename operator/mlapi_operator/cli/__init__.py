"""`mlapi`: MLApis on this machine, and those of a cluster."""

import argparse
import os
import sys
from collections.abc import Sequence

from mlapi_operator.cli import bench, crd, history, render, rollback, serve, status, validate
from mlapi_operator.cli.problem import Problem


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        argv: arguments without the program's name; by default those of the process.
    Returns:
        The exit status: 0 fine, 1 something was found wrong, 2 wrong usage or no answer.
    """
    parser = argparse.ArgumentParser(prog="mlapi", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (bench, crd, history, render, rollback, serve, status, validate):
        command.add_to(commands)
    arguments = parser.parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except Problem as problem:
        print(f"mlapi: {problem}", file=sys.stderr)
        return problem.status
    except ModuleNotFoundError as error:
        print(
            f"mlapi: {error.name} is not installed; pip install 'mlapi-operator[cli]' brings it",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        return 130  # as shells have it: 128 and the number of SIGINT
    except BrokenPipeError:
        # `| head` has seen enough; what is still buffered must not fail when the process ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        print(f"mlapi: {error}", file=sys.stderr)
        return 2
