"""The request through the Service that must be answered before an MLApi is Ready."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import aiohttp

from mlapi_operator.api import conditions
from mlapi_operator.api.conditions import Reason
from mlapi_operator.api.types import Key
from mlapi_operator.api.v1alpha1 import SmokeTest
from mlapi_operator.protocol import Clock

REVISION_HEADER: Final = "X-MLApi-Revision"
DEFAULT_PATH: Final = "/_mlapi/smoke"
# A node learns of a pod that became ready within tenths of a second: the first tries are that quick.
RETRY_SECONDS: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
# One lost packet does not take back what was proven.
TRIES_ONCE_PASSED: Final = 3
CONNECT_SECONDS: Final = 5
BODY_LIMIT: Final = 1024 * 1024
AT_ONCE: Final = 64


@dataclass(frozen=True, slots=True)
class SmokeResult:
    """What came of the last test; `reason` is None if it passed. The message holds no payload."""

    passed: bool
    reason: Reason | None
    message: str
    at: datetime


@dataclass(slots=True)
class Trial:
    """The tests of one revision of an MLApi."""

    uid: str
    revision: str
    result: SmokeResult | None = None
    failures: int = 0
    task: "asyncio.Task[None] | None" = field(default=None, repr=False)


class SmokeTester:
    """Tests in the background, one request at a time for each MLApi.

    Args:
        on_done: told which MLApi has a result.
    """

    def __init__(self, session: aiohttp.ClientSession, on_done: Callable[[Key], None], clock: Clock) -> None:
        self._session = session
        self._on_done = on_done
        self._clock = clock
        self._trials: dict[Key, Trial] = {}
        self._keys: dict[str, Key] = {}  # by uid
        self._slots = asyncio.Semaphore(AT_ONCE)

    def result(self, uid: str, revision: str) -> SmokeResult | None:
        """Of the last test of this revision of the MLApi; None before the first has ended."""
        key = self._keys.get(uid)
        trial = self._trials[key] if key else None
        return trial.result if trial and trial.revision == revision else None

    def want(self, key: Key, uid: str, revision: str, url: str, test: SmokeTest) -> None:
        """Tests once, unless a test of this revision is under way; after failures, with a growing delay.

        Args:
            url: of the Service by its address, such as `http://10.96.3.4:80`; the path is the test's own.
        """
        trial = self._trials.get(key)
        if trial is None or (trial.uid, trial.revision) != (uid, revision):
            self.forget(key)
            trial = self._trials[key] = Trial(uid, revision)
            self._keys[uid] = key
        if trial.task is None or trial.task.done():
            trial.task = asyncio.create_task(self._try(key, trial, url, test))

    def forget(self, key: Key) -> None:
        """Ends what is under way for an MLApi, and drops its results."""
        trial = self._trials.pop(key, None)
        if trial:
            del self._keys[trial.uid]
            if trial.task:
                trial.task.cancel()

    async def close(self) -> None:
        """Ends every test."""
        tasks = [trial.task for trial in self._trials.values() if trial.task]
        for key in list(self._trials):
            self.forget(key)
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _try(self, key: Key, trial: Trial, url: str, test: SmokeTest) -> None:
        passed_before = trial.result is not None and trial.result.passed
        tries = TRIES_ONCE_PASSED if passed_before else 1
        for _ in range(tries):
            if trial.failures:
                await self._clock.sleep(RETRY_SECONDS[min(trial.failures, len(RETRY_SECONDS)) - 1])
            async with self._slots:
                objection = await self._ask(trial.revision, url, test)
            if objection is None:
                trial.failures = 0
                break
            trial.failures += 1
        reason, message = objection or (None, "")
        trial.result = SmokeResult(objection is None, reason, message, self._clock())
        self._on_done(key)

    async def _ask(self, revision: str, url: str, test: SmokeTest) -> tuple[Reason, str] | None:
        """What is wrong with the answer, None if nothing."""
        method, path = (test.method, test.path) if test.path else ("GET", DEFAULT_PATH)
        act = f"{method} {path}"
        # Each test has a connection of its own: one kept alive leads to the pod that it led to before.
        headers = {"Connection": "close", "Accept-Encoding": "identity"}
        if test.body is not None:
            headers["Content-Type"] = "application/json"
        timeout = aiohttp.ClientTimeout(total=test.timeout_seconds, sock_connect=CONNECT_SECONDS)
        try:
            async with self._session.request(
                method, url + path, data=test.body, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                objection = judge(act, revision, test.expect_status, response)
                if objection is None:
                    await _drain(response)
                response.close()
                return objection
        except aiohttp.ConnectionTimeoutError:
            return conditions.UNREACHABLE, _unreachable(url, f"no connection within {CONNECT_SECONDS} s")
        except TimeoutError:
            return conditions.TOO_SLOW, f"{act} was not answered within {test.timeout_seconds} s"
        except (aiohttp.ClientError, OSError) as error:
            code = error.errno if isinstance(error, OSError) else None
            return conditions.UNREACHABLE, _unreachable(url, os.strerror(code) if code else "broken off")


def judge(
    act: str, revision: str, expect_status: int, response: aiohttp.ClientResponse
) -> tuple[Reason, str] | None:
    """What is wrong with an answer, by its status and revision."""
    answered = response.headers.get(REVISION_HEADER)
    if answered is not None and answered != revision:
        return conditions.OLD_REVISION, f"{act} was answered by another revision than {revision}"
    if response.status != expect_status:
        return conditions.WRONG_STATUS, f"{act} was answered {response.status}, wanted {expect_status}"
    if answered is None:
        return (
            conditions.OLD_REVISION,
            f"{act} was answered without {REVISION_HEADER}: something else answers for the pods",
        )
    return None


async def _drain(response: aiohttp.ClientResponse) -> None:
    """An answer counts once it is complete; of a very long one, the beginning is enough."""
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > BODY_LIMIT:
            return


def _unreachable(url: str, cause: str) -> str:
    port = url.rpartition(":")[2]
    return (
        f"the operator cannot reach the Service at port {port} ({cause}): check that network policies admit "
        f"the operator's namespace, and exclude port {port} from a service mesh that wants mutual TLS; or "
        "set probe.smokeTest.mode to Off"
    )
