"""Flow tests of a commit before, or after, it goes live: which it concerns, running them in a process of their own, and
what is remembered of them.

The daemon's own process runs no test and waits for none: it hands the suites to `runtime.test_process` and reads what
that says, for so long and no longer.
"""

import asyncio
import contextlib
import json
import logging
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from msgspec import Struct, field

from segue.git.blobs import BlobReader
from segue.git.history import has_commit
from segue.git.suite_files import Touched, touched_between
from segue.model.flow_test import (
    AssertionResult,
    CaseError,
    CaseResult,
    Operator,
    SuiteKey,
    SuiteResult,
    Verdict,
)
from segue.model.names import ExecutionId
from segue.model.problem import Problem, Severity
from segue.model.revision import FlowKey
from segue.runtime.deployed import Deployment
from segue.runtime.settings import Settings, TestsAtSync
from segue.runtime.suites import concerned, loaded_at, looked_at
from segue.runtime.worlds import FlowReader
from segue.web.suite_shapes import suite_json

_AT_ONCE: Final = 4
_END_SECONDS: Final = 3.0  # for each way of ending it
_ANSWER_BYTES_MAX: Final = 64 << 20
_NAMED_MAX: Final = 3

_log = logging.getLogger("segue.tests")


class Trial(Struct, frozen=True, kw_only=True):
    """What a commit has to be tested with: `suites`. `problems` are those of the files it concerns, by path; `known` and
    `paths` are all suites that there are at it, and their files."""

    commit: str
    suites: tuple[SuiteKey, ...] = ()
    problems: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)
    known: frozenset[SuiteKey] = frozenset()
    paths: frozenset[str] = frozenset()

    @property
    def broken(self) -> tuple[str, ...]:
        """Files that hold suites which cannot be run."""
        return tuple(path for path, problems in sorted(self.problems.items()) if any(map(_is_error, problems)))


class Outcome(Struct, frozen=True, kw_only=True):
    """What came of a trial. `error` says why the suites were not run to their end."""

    trial: Trial
    results: tuple[SuiteResult, ...] = ()
    error: str | None = None

    @property
    def is_good(self) -> bool:
        return self.error is None and not self.trial.broken and all(each.verdict.is_good for each in self.results)

    @property
    def why(self) -> str:
        """In a sentence, what is not good."""
        if self.error is not None:
            return f"its flow tests could not be run: {self.error}"
        failing = [
            f"{suite.key}/{case.case_id}" for suite in self.results for case in suite.cases if not case.verdict.is_good
        ]
        failing += self.trial.broken
        shown = ", ".join(failing[:_NAMED_MAX]) + (", ..." if len(failing) > _NAMED_MAX else "")
        return f"{len(failing)} flow test{'s' if len(failing) != 1 else ''} of it fail{'s' if len(failing) == 1 else ''}: {shown}"


class TestRecord(Struct):
    """The last result of every suite, and problems of their files by path."""

    results: dict[SuiteKey, SuiteResult] = field(default_factory=dict)
    problems: dict[str, tuple[Problem, ...]] = field(default_factory=dict)

    __test__ = False

    def take(self, outcome: Outcome) -> None:
        """What is of suites and files that are gone is let go of."""
        trial, new = outcome.trial, {result.key: result for result in outcome.results}
        self.results = {key: each for key, each in (self.results | new).items() if key in trial.known}
        problems = self.problems | dict(trial.problems)
        self.problems = {path: found for path, found in problems.items() if found and path in trial.paths}

    def stored(self) -> list[dict[str, Any]]:
        return [suite_json(each) for each in self.results.values()]


class CommitTests:
    """Tests commits for a daemon."""

    def __init__(self, git_dir: Path, blobs: BlobReader, settings: Settings) -> None:
        self._git_dir = git_dir
        self._blobs = blobs
        self._settings = settings
        self.record = TestRecord()
        self.running: str | None = None  # the commit that is tested now
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def vetoes(self) -> bool:
        return self._settings.tests is TestsAtSync.VETO

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with tests and their files. Where a failure only is to be reported, it is a warning."""
        severity = Severity.ERROR if self.vetoes else Severity.WARNING
        of_files = (problem for path in sorted(self.record.problems) for problem in self.record.problems[path])
        failing = (
            problem for key in sorted(self.record.results) for problem in self.record.results[key].problems(severity)
        )
        return (*of_files, *failing)

    def restore(self, stored: Iterable[Mapping[str, Any]]) -> None:
        """Begin with the results that the database remembers."""
        found = (_suite_of(each) for each in stored)
        self.record.results = {result.key: result for result in found}

    def trial(self, before: Deployment, world: Deployment, flows: FlowReader) -> Trial:
        """What of the world has to be tested, given the one that is live. In a thread. Raises GitError, BlobMissing."""
        there = loaded_at(self._git_dir, self._blobs, world.commit)
        is_known = bool(before.commit) and has_commit(self._git_dir, before.commit)
        touched = (
            touched_between(self._git_dir, self._blobs, before.commit, world.commit)
            if is_known
            else Touched(is_everything=True)
        )
        chosen = looked_at(concerned(there, before.flows, world.flows, touched), world, flows, among=there)
        problems: dict[str, tuple[Problem, ...]] = {}
        for each in chosen:
            path = each.loaded.path
            problems[path] = (*problems.get(path, ()), *each.problems)
        return Trial(
            commit=world.commit,
            suites=tuple(each.suite.key for each in chosen if each.suite is not None),
            problems=problems,
            known=frozenset(each.suite.key for each in there if each.suite is not None),
            paths=frozenset(each.path for each in there),
        )

    async def run(self, trial: Trial) -> Outcome:
        """Run the suites of a trial, in a process of their own. Cancelled, it ends that too."""
        if not trial.suites:
            return Outcome(trial=trial)
        seconds = self._settings.tests_timeout.total_seconds()
        _log.info("tests.begin commit=%s suites=%d", trial.commit, len(trial.suites))
        self.running = trial.commit
        try:
            answer = await self._asked(trial, seconds)
        finally:
            self.running = None
        outcome = _outcome(trial, answer)
        _log.info("tests.end commit=%s good=%s", trial.commit, outcome.is_good)
        return outcome

    async def _asked(self, trial: Trial, seconds: float) -> Mapping[str, Any]:
        folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="segue-test-"))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "segue.runtime.test_process",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_ANSWER_BYTES_MAX,
            start_new_session=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            async with asyncio.timeout(seconds):
                process.stdin.write(json.dumps(self._request(trial, folder, seconds)).encode() + b"\n")
                await process.stdin.drain()
                line = await process.stdout.readline()
            return dict(json.loads(line)) if line else {"error": "their process ended without an answer"}
        except TimeoutError:
            return {"error": f"they did not end within {seconds:g} s (`tests_timeout`)"}
        except (OSError, ValueError) as error:
            return {"error": f"their process said nothing that can be read: {error}"}
        finally:
            process.stdin.close()  # which is how it learns that nobody waits any more
            ending = asyncio.create_task(_put_away(process, folder))
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)

    async def stop(self) -> None:
        """Wait for processes that are about to end."""
        await asyncio.gather(*self._ending, return_exceptions=True)

    def _request(self, trial: Trial, folder: Path, seconds: float) -> dict[str, Any]:
        settings = self._settings
        secrets = settings.secrets_folder
        flags = {
            "env": settings.env,
            "workers_min": 1,
            "workers_max": min(_AT_ONCE, settings.workers_max),
            "warm_python": settings.warm_python,
            "variables_globals": dict(settings.variables_globals),
            "secrets_folder": str(secrets.absolute()) if secrets is not None else None,
        }
        return {
            "folder": str(folder),
            "mirror": str(self._git_dir.absolute()),
            "commit": trial.commit,
            "suites": [[key.namespace, key.id] for key in trial.suites],
            "at_once": min(_AT_ONCE, settings.workers_max),
            "seconds": seconds,
            "flags": flags,
        }


async def _put_away(process: asyncio.subprocess.Process, folder: Path) -> None:
    """The process ends, and what it leaves goes: one that is ended by force has no time for that."""
    await _ended(process)
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Its end, brought about if it does not come by itself."""
    for signal_number in (None, signal.SIGTERM, signal.SIGKILL):
        if signal_number is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal_number)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_SECONDS):
                await process.wait()
                return


def _is_error(problem: Problem) -> bool:
    return problem.severity is Severity.ERROR


def _outcome(trial: Trial, answer: Mapping[str, Any]) -> Outcome:
    if "error" in answer:
        return Outcome(trial=trial, error=str(answer["error"]))
    return Outcome(trial=trial, results=tuple(_suite_of(each) for each in answer["results"]))


# From JSON: the way back from `web.suite_shapes`.


def _suite_of(plain: Mapping[str, Any]) -> SuiteResult:
    namespace = str(plain["namespace"])
    return SuiteResult(
        key=SuiteKey(namespace, str(plain["testSuiteId"])),
        flow=FlowKey(namespace, str(plain["flowId"])),
        path=str(plain["path"]),
        cases=tuple(_case_of(each) for each in _list(plain["results"])),
        started_at=datetime.fromisoformat(plain["startDate"]),
        ended_at=datetime.fromisoformat(plain["endDate"]),
        line=int(plain["line"]),
    )


def _case_of(plain: Mapping[str, Any]) -> CaseResult:
    execution_id = plain["executionId"]
    return CaseResult(
        case_id=str(plain["testId"]),
        verdict=Verdict(plain["state"]),
        seconds=float(plain["seconds"]),
        execution_id=None if execution_id is None else ExecutionId(execution_id),
        assertions=tuple(_assertion_of(each) for each in _list(plain["assertionResults"])),
        errors=tuple(CaseError(message=each["message"], line=each["line"]) for each in _list(plain["errors"])),
        logs=tuple(_list(plain["logs"])),
        line=int(plain["line"]),
        description=plain["description"],
        note=plain["note"],
    )


def _assertion_of(plain: Mapping[str, Any]) -> AssertionResult:
    return AssertionResult(
        operator=Operator(plain["operator"]),
        value=str(plain["value"]),
        expected=plain["expected"],
        actual=plain["actual"],
        holds=bool(plain["isSuccess"]),
        line=int(plain["line"]),
        task_id=plain["taskId"],
        description=plain["description"],
        message=plain["errorMessage"],
    )


def _list(value: Any) -> Sequence[Any]:
    assert isinstance(value, list), value
    return value
