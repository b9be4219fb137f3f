"""Running a Python script in a fork of the worker instead of a new interpreter: the same result, a tenth of the start.

What makes it the same: a process group, folder, environment and `__main__` of its own, its arguments and search path,
unbuffered output, signals as a new interpreter has them, modules that the script's folder hides loaded from there,
errors printed without our frames, exit codes, exit functions and threads at the end, nothing of the worker's open.
A worker has one thread, so forking it is safe; one that has used an object store has its client's threads too, and
does not fork any more (`may_fork`). What differs: a module that the worker has loaded is not looked for again, so one of
its name that the script writes while it runs is not seen.
"""

import atexit
import contextlib
import ctypes
import io
import os
import signal
import sys
import threading
import types
from collections.abc import Mapping
from functools import lru_cache
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any, Final, NoReturn, TextIO

from msgspec import Struct

_PR_SET_NAME: Final = 15
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_SET_CHILD_SUBREAPER: Final = 36
_LIBRARY: Final = ctypes.CDLL(None)
_OF_THE_WORKER: Final = (signal.SIGTERM, signal.SIGHUP, signal.SIGALRM, signal.SIGCHLD)
_FAILED: Final = 1
_FLUSH_FAILED: Final = 120  # what Python exits with when its output cannot be written


def may_fork() -> bool:
    """Has this process no other thread, as the kernel counts: a fork would have what they hold, and not them."""
    return sum(1 for _ in Path("/proc/self/task").iterdir()) == 1


class WarmScript(Struct, frozen=True, kw_only=True):
    script: Path
    folder: Path
    environment: Mapping[str, str]

    def start(self, stdout: int, stderr: int) -> int:
        # A signal to the script must not meet the worker's answers to signals, which the fork still has at first.
        loaded = _loaded(len(sys.modules))
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _OF_THE_WORKER)
        pid = os.fork()
        if pid == 0:
            self._become(stdout, stderr, loaded)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return pid

    def _become(self, stdout: int, stderr: int, loaded: frozenset[str]) -> NoReturn:
        code = _FAILED
        try:
            self._leave_the_worker(stdout, stderr, loaded)
            code = _run(str(self.script))
        except BaseException as error:  # noqa: BLE001 - nothing of the worker may run on in the fork
            sys.excepthook(type(error), error, error.__traceback__)
        finally:
            os._exit(code)

    def _leave_the_worker(self, stdout: int, stderr: int, loaded: frozenset[str]) -> None:
        os.setpgid(0, 0)
        _as_new_process()
        nothing = os.open(os.devnull, os.O_RDONLY)
        for descriptor, place in ((nothing, 0), (stdout, 1), (stderr, 2)):
            os.dup2(descriptor, place)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        os.chdir(self.folder)
        os.environ.clear()
        os.environ.update(self.environment)
        _open_streams()
        # The folder that a new interpreter finds its script in is the first that modules are looked for in.
        sys.path = [str(self.script.parent), *_search_path()]
        sys.argv = [str(self.script)]
        sys.orig_argv = [sys.executable, str(self.script)]
        _forget_hidden_modules(self.script.parent, loaded)


def _open_streams() -> None:
    streams = {
        "stdin": open(0, encoding="utf-8", closefd=False),  # noqa: SIM115 - as Python opens it
        "stdout": _unbuffered(1, "strict"),
        "stderr": _unbuffered(2, "backslashreplace"),
    }
    for name, stream in streams.items():
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _as_new_process() -> None:
    """Signals, and what prctl set for the worker."""
    for number in _OF_THE_WORKER:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.pthread_sigmask(signal.SIG_SETMASK, set())
    _LIBRARY.prctl(_PR_SET_PDEATHSIG, 0, 0, 0, 0)
    _LIBRARY.prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
    _LIBRARY.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
    _LIBRARY.prctl(_PR_SET_NAME, b"python", 0, 0, 0)
    atexit._clear()  # noqa: SLF001 - what the worker registered is not the script's


def _unbuffered(descriptor: int, errors: str) -> TextIO:
    """As PYTHONUNBUFFERED has it: every write goes out."""
    raw = io.FileIO(descriptor, "w", closefd=False)
    name = "<stdout>" if descriptor == 1 else "<stderr>"
    raw.name = name
    return io.TextIOWrapper(raw, encoding="utf-8", errors=errors, newline="\n", write_through=True)


def _search_path() -> list[str]:
    """That of the forkserver, which has taken out its own folder."""
    return list(sys.path)


@lru_cache(maxsize=1)
def _loaded(_count: int) -> frozenset[str]:
    """The first parts of the names of all modules that are loaded. Known before the fork: to look at each name there
    would copy the page of memory that it is on."""
    return frozenset(name.partition(".")[0] for name in sys.modules) - set(sys.builtin_module_names)


def _forget_hidden_modules(folder: Path, loaded: frozenset[str]) -> None:
    """A module in the script's folder goes before one of the same name that the worker has loaded."""
    hidden = {entry.name.partition(".")[0] for entry in os.scandir(folder)} & loaded
    if not hidden:
        return
    for name in tuple(sys.modules):
        if name.partition(".")[0] in hidden:
            del sys.modules[name]


def _run(path: str) -> int:
    """The exit code that a new interpreter ends with."""
    code = _FAILED
    try:
        code = _run_main(path)
    finally:
        code = _finish(code)
    return code


def _run_main(path: str) -> int:
    main = types.ModuleType("__main__")
    main.__file__ = path
    main.__loader__ = SourceFileLoader("__main__", path)
    main.__dict__.update({"__builtins__": sys.modules["builtins"], "__cached__": None, "__annotations__": {}})
    sys.modules["__main__"] = main
    try:
        exec(_compiled(path), main.__dict__)  # noqa: S102 - this is what the script is for
    except SystemExit as ended:
        return _exit_code(ended)
    except KeyboardInterrupt as interrupt:
        _print(interrupt)
        _end_by(signal.SIGINT)
    except BaseException as error:  # noqa: BLE001 - the top of the script
        _print(error)
        return _FAILED
    return 0


def _compiled(path: str) -> types.CodeType:
    with open(path, "rb") as file:  # noqa: PTH123
        return compile(file.read(), path, "exec", dont_inherit=True)


def _print(error: BaseException) -> None:
    """As the interpreter prints it, without the frames of this module."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    error.__traceback__ = trace
    sys.excepthook(type(error), error, trace)


def _exit_code(ended: SystemExit) -> int:
    code: Any = ended.code
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    with contextlib.suppress(Exception):
        print(code, file=sys.stderr)  # noqa: T201 - where Python prints it
    return _FAILED


def _finish(code: int) -> int:
    """Threads, exit functions, output: in Python's order."""
    with contextlib.suppress(Exception):
        threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - as the interpreter does
    atexit._run_exitfuncs()  # noqa: SLF001 - as the interpreter does
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except Exception:  # noqa: BLE001 - as Python does at its end
            code = code or _FLUSH_FAILED
    return code


def _end_by(number: signal.Signals) -> None:
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
