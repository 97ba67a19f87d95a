"""`mlapi status --watch`: a line for each change in a pipe, a page on a terminal, until you end it."""

import asyncio
import os
import pty
import signal
import subprocess
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from e2e.cluster.light import LightCluster
from e2e.kube import Kube
from tests.support import statuses
from tests.support.faults import Answer, FaultProxy
from tests.support.parts import mlapi as manifest
from tests.support.terminal import COMMAND, environment

SECONDS = 60  # ends a broken run


def told(admin: Kube, namespace: str, status: statuses.Object) -> None:
    admin.patch("MLApi", namespace, "digits", {"status": status}, "/status")


@asynccontextmanager
async def watching(kubeconfig: Path, namespace: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *(*COMMAND, "status", "digits", "-n", namespace, "--watch"),
        env=environment(kubeconfig),
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def line(process: Process, words: str) -> str:
    """The next line, which must hold the words."""
    assert process.stdout is not None
    async with asyncio.timeout(SECONDS):
        found = (await process.stdout.readline()).decode()
    assert words in found, found
    return found


async def ended(process: Process) -> tuple[int, str, str]:
    async with asyncio.timeout(SECONDS):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_watch_in_a_pipe_tells_each_change_and_lives_through_a_failing_api_server(
    proxy: FaultProxy, proxied: Path, admin: Kube, namespace: str
) -> None:
    admin.create("MLApi", namespace, manifest(namespace, "digits"))
    async with watching(proxied, namespace) as process:
        await line(process, "Z the operator has not looked at the present spec yet\n")
        told(admin, namespace, statuses.waiting_for_gpu())
        await line(process, "WaitingForGPU, 0 ready of 1, 1 up to date: InsufficientGPU: no node with")
        proxy.fail("get", "mlapis", Answer(500))
        await line(process, f"getting MLApi {namespace}/digits: 500: ")
        told(admin, namespace, statuses.ready())
        proxy.heal()
        await line(process, "Ready, 2 ready of 1, 2 up to date, p95 140ms: Answering: ")
        await proxy.stop()
        await line(process, f"no answer from {proxy.url}")
        told(admin, namespace, statuses.waiting_for_gpu())
        await proxy.start()
        await line(process, "WaitingForGPU")
        told(admin, namespace, statuses.ready())
        await line(process, "Ready, ")
        process.send_signal(signal.SIGINT)
        assert await ended(process) == (0, "", "")


async def test_watch_of_one_that_is_not_ready_ends_with_one_and_of_one_deleted_with_two(
    light: LightCluster, admin: Kube, namespace: str
) -> None:
    admin.create("MLApi", namespace, manifest(namespace, "digits"))
    told(admin, namespace, statuses.waiting_for_gpu())
    async with watching(light.kubeconfig, namespace) as process:
        await line(process, "WaitingForGPU")
        process.send_signal(signal.SIGTERM)
        assert await ended(process) == (1, "", "")
    async with watching(light.kubeconfig, namespace) as process:
        await line(process, "WaitingForGPU")
        admin.delete("MLApi", namespace, "digits")
        code, _, err = await ended(process)
        assert (code, err) == (
            2,
            f"mlapi: namespace {namespace} has no MLApi digits: it has none at all; "
            "-n names another namespace\n",
        )


def test_watch_on_a_terminal_keeps_a_page_up_to_date_and_leaves_the_last_one(
    light: LightCluster, admin: Kube, namespace: str
) -> None:
    admin.create("MLApi", namespace, manifest(namespace, "digits"))
    told(admin, namespace, statuses.waiting_for_gpu())
    ours, theirs = pty.openpty()
    variables = {**environment(light.kubeconfig), "TERM": "xterm", "COLUMNS": "160", "LINES": "50"}
    command = [*COMMAND, "status", "digits", "-n", namespace, "--watch"]
    process = subprocess.Popen(command, env=variables, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    try:
        shown = until(ours, b"What to do next")
        assert b"\x1b[?1049h" in shown  # a screen of its own
        told(admin, namespace, statuses.ready())
        until(ours, b"answering for")
        process.send_signal(signal.SIGINT)
        last = until(ours, b"")
        assert process.wait(SECONDS) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    page = last.partition(b"\x1b[?1049l")[2].decode()
    assert "digits: " in page
    assert statuses.NEW in page
    assert "Traceback" not in page


def until(terminal: int, words: bytes) -> bytes:
    """What is printed until the words are; to the end where there are none."""
    found = b""
    while not words or words not in found:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # the other end is closed
            part = b""
        if not part:
            assert not words, found
            break
        found += part
    return found
