"""What ends a command: the user has to do something, and the text says what."""


class Problem(Exception):  # noqa: N818 - as it is told
    """Told without a traceback. `status`: what the command exits with."""

    status = 1


class Usage(Problem):
    """The command was called in a way that cannot work."""

    status = 2
