"""A Python script in a fork of the worker does what it does in an interpreter of its own: one table, run both ways."""

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.pools import SharedPool, order_of

SCRIPTS = {
    "prints": "print('hello')",
    "main": "if __name__ == '__main__': print(__name__, __builtins__ is __import__('builtins'), __spec__, __doc__)",
    "arguments": "import sys; print(len(sys.argv), sys.argv[0] == __file__, sys.path[0] in __file__)",
    "folder": "import os; print(os.path.basename(__file__) in os.listdir(), os.getcwd() in __file__)",
    "executable": "import sys; print(sys.executable, sys.flags.safe_path, sys.version_info[:2])",
    "environment": "import os; print(sorted(k for k in os.environ if not k.startswith('_')))",
    "both streams": "import sys\nfor n in range(3):\n    print(n); print(-n, file=sys.stderr)",
    "no newline at the end": "import sys; sys.stdout.write('x')",
    "unicode": "print('héllo ✓ 日本', '\\N{SNOWMAN}')",
    "bytes": "import sys; sys.stdout.buffer.write(b'\\xff\\xfe raw\\n')",
    "surrogate": "print('\\ud800')",
    "stdin": "import sys; print(repr(sys.stdin.read()))",
    "exit none": "import sys; sys.exit()",
    "exit code": "import sys; sys.exit(7)",
    "exit large": "import sys; sys.exit(300)",
    "exit negative": "import sys; sys.exit(-1)",
    "exit text": "import sys; sys.exit('goodbye')",
    "exit at once": "import os; print('x'); os._exit(9)",
    "exception": "def f():\n    raise ValueError('no')\nf()",
    "chained": "try:\n    1/0\nexcept Exception as e:\n    raise KeyError('k') from e",
    "during": "try:\n    1/0\nexcept Exception:\n    undefined_name",
    "group": "raise ExceptionGroup('g', [ValueError(1), TypeError(2)])",
    "syntax": "print('never')\nx = = 1\n",
    "indentation": "if True:\nprint(1)\n",
    "null byte": "print(1)\0",
    "coding": "# -*- coding: utf-8 -*-\nprint('é')",
    "future": "'''doc'''\nfrom __future__ import annotations\ndef f(x: nothing): pass\nprint(f.__annotations__, __doc__)",
    "keyboard interrupt": "raise KeyboardInterrupt",
    "interrupt signal": "import os, signal, time; os.kill(os.getpid(), signal.SIGINT); time.sleep(5)",
    "terminated": "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
    "killed": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "abort": "import os; os.abort()",
    "signals": "import signal; print([signal.getsignal(s) for s in (signal.SIGTERM, signal.SIGHUP, signal.SIGALRM, signal.SIGPIPE)], signal.getsignal(signal.SIGINT).__name__, signal.pthread_sigmask(signal.SIG_BLOCK, []))",
    "exit functions": "import atexit; atexit.register(print, 'last'); atexit.register(lambda: print('first'))",
    "exit function fails": "import atexit; atexit.register(lambda: 1/0); print('on')",
    "thread": "import threading, time\ndef f():\n    time.sleep(0.05); print('thread')\nthreading.Thread(target=f).start(); print('main')",
    "thread fails": "import threading\nt = threading.Thread(target=lambda: 1/0, name='t'); t.start(); t.join(); print('on')",
    "subprocess": "import subprocess; print(subprocess.run(['echo', 'x'], capture_output=True).stdout)",
    "multiprocessing": "import multiprocessing as m\ndef f(n): return n * n\nif __name__ == '__main__':\n    with m.get_context('fork').Pool(1) as p: print(p.map(f, [1, 2]))",
    "spawned": "import multiprocessing as m\ndef f(): print('child')\nif __name__ == '__main__':\n    p = m.get_context('spawn').Process(target=f); p.start(); p.join(); print(p.exitcode)",
    "pickled": "import pickle\nclass A: pass\nprint(type(pickle.loads(pickle.dumps(A()))).__module__)",
    "asyncio": "import asyncio\nasync def f(): return 5\nprint(asyncio.run(f()))",
    "inspect": "import inspect\ndef f(): pass\nprint(inspect.getsource(f))",
    "warning": "import warnings; warnings.warn('careful')",
    "logging": "import logging; logging.basicConfig(); logging.warning('w'); logging.info('i')",
    "recursion": "import sys; print(sys.getrecursionlimit())\ndef f(): f()\ntry: f()\nexcept RecursionError: print('deep')",
    "open files": "import os; print(sorted(int(f) for f in os.listdir('/proc/self/fd'))[:3], len(os.listdir('/proc/self/fd')))",
    "own group": "import os; print(os.getpgrp() == os.getpid())",
    "globals": "print(sorted(globals()))",
    "protocol": 'print(\'::{"outputs": {"a": 1}}::\')',
    "modules of its folder": "import yaml, json, mine; print(yaml.x, json.x, mine.x)",
    "excepthook": "import sys; sys.excepthook = lambda *a: print('hook', a[0].__name__); 1/0",
    "closed stdout": "import sys; sys.stdout.close()",
    "collector": "import gc; print(gc.isenabled(), gc.get_threshold())",
    "last words": "class A:\n    def __del__(self): print('deleted')\na = A()\ndel a",
}
FILES = {"mine.py": "x = 1"}
HIDING_FILES = {"yaml.py": "x = 2", "json.py": "x = 3", **FILES}
PLACES = re.compile(r"task-\w+|script-\w+|pid=\d+|0x[0-9a-f]+|-\d+-tmp\w+")


@pytest.fixture(scope="module")
def cold(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedPool]:
    shared = SharedPool(tmp_path_factory.mktemp("cold"), warm_python=False)
    yield shared
    shared.close()


def seen(pool: SharedPool, script: str) -> tuple[Any, ...]:
    """All that can be seen of it, with names that differ from run to run made the same."""
    order = order_of(
        "scripts.python.Script",
        {"script": script, "inputFiles": HIDING_FILES if "yaml" in script else FILES},
        task_run_id="task-run",
        id=os.urandom(8).hex(),
    )
    outcome = pool.run(order)
    streams = {
        level: [
            PLACES.sub("*", line.message).replace(str(pool.folder), "") for line in outcome.lines if line.level == level
        ]
        for level in ("INFO", "ERROR", "WARN")
    }
    return outcome.ended.state, outcome.ended.outputs, streams


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS.keys())
def test_warm_and_cold_are_the_same(pool: SharedPool, cold: SharedPool, script: str) -> None:
    assert seen(pool, script) == seen(cold, script)


def test_nothing_of_one_script_is_seen_by_the_next(pool: SharedPool) -> None:
    first = "import sys, os, json; json.mark = 1; sys.modules['left'] = json; os.environ['LEFT'] = '1'; os.chdir('/')"
    second = "import sys, os, json; print(hasattr(json, 'mark'), 'left' in sys.modules, 'LEFT' in os.environ)"
    pool.run(order_of("scripts.python.Script", {"script": first}))
    assert pool.run(order_of("scripts.python.Script", {"script": second})).messages == ["False False False"]


def test_chance_differs_from_script_to_script(pool: SharedPool) -> None:
    script = "import random, uuid; print(random.random(), uuid.uuid4())"
    found = {pool.run(order_of("scripts.python.Script", {"script": script})).text for _ in range(4)}
    assert len(found) == 4
