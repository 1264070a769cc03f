"""Many plans at once: in this process, in several, or on a Dask cluster; the same results in the same order.

A worker that is lost takes nothing with it: what it had not finished is done again, by others.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from multiprocessing import parent_process
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from capplan.errors import UserError

A = TypeVar("A")
R = TypeVar("R")

Done = Callable[[int, Any], None]
# Maps a function over arguments, in their order: in this process, or in many.
Map = Callable[[Callable[[Any], Any], Sequence[Any]], list[Any]]

# A task whose worker was lost so many times is what kills them.
_MOST_LOSSES = 3
_CONNECT_S = 10


class Crew:
    """Who does the work. `map` gives results in the order of the arguments.

    fresh: makes an executor, None for this process. lost: errors that say that a worker was lost. label: what is
    counted. bar: whether progress is drawn on stderr.
    """

    def __init__(
        self, fresh: Callable[[], Executor] | None, lost: tuple[type[BaseException], ...], label: str, bar: bool
    ) -> None:
        self._fresh, self._lost, self._label, self._bar = fresh, lost, label, bar
        self._executor: Executor | None = None
        self._running: dict[Future[Any], int] = {}

    def map(self, function: Callable[[A], R], arguments: Sequence[A], done: Done | None = None) -> list[R]:
        """Every result; done: called with each task's place and result, as they come, in any order."""
        results: dict[int, R] = {}
        for place, result in self._results(function, arguments):
            results[place] = result
            if done is not None:
                done(place, result)
            self._draw(len(results), len(arguments))
        return [results[place] for place in range(len(arguments))]

    def _results(self, function: Callable[[A], R], arguments: Sequence[A]) -> Iterator[tuple[int, R]]:
        if self._fresh is None or len(arguments) < 2:
            yield from ((place, function(argument)) for place, argument in enumerate(arguments))
            return
        losses = [0] * len(arguments)
        left = dict(enumerate(arguments))
        while left:
            self._running = self._submitted(function, left)
            while self._running:
                finished, _ = wait(self._running, return_when=FIRST_COMPLETED)
                for future in finished:
                    place = self._running.pop(future)
                    error = future.exception()
                    if error is None:
                        del left[place]
                        yield place, future.result()
                    elif isinstance(error, self._lost):
                        losses[place] += 1
                        if losses[place] >= _MOST_LOSSES:
                            message = f"{self._label}: a worker was lost {_MOST_LOSSES} times ({error})"
                            raise UserError(message) from error
                    else:
                        raise error
            if left:
                self._renew()

    def _submitted(self, function: Callable[[A], R], left: dict[int, A]) -> dict[Future[Any], int]:
        """A future for each task that is left; a pool that breaks meanwhile is replaced."""
        for _ in range(_MOST_LOSSES):
            try:
                executor = self._open()
                return {executor.submit(function, argument): place for place, argument in left.items()}
            except BrokenExecutor:
                self._renew()
            except (OSError, RuntimeError) as wrong:  # a limit on processes; a sandbox without shared memory
                message = f"{self._label}: no workers can be started here ({wrong}); leave out --jobs"
                raise UserError(message) from None
        raise UserError(f"{self._label}: workers are lost as soon as they start")

    def _open(self) -> Executor:
        if self._executor is None:
            if self._fresh is None:
                raise ValueError("this crew works in its own process")
            self._executor = self._fresh()
        return self._executor

    def _renew(self) -> None:
        if self._executor is not None and self._lost == (BrokenExecutor,):
            self._executor.shutdown(wait=False)
            self._executor = None

    def stop(self) -> None:
        """Ends the workers in the middle of what they do, which may take minutes more; those of a cluster finish it."""
        for worker in _workers(self._executor):
            worker.terminate()
        if self._executor is not None:
            self._executor.shutdown(wait=False)
            self._executor = None

    def close(self, now: bool = False) -> None:
        """Lets the workers go; now: without what they have not begun."""
        if self._executor is not None:
            for future in self._running:
                future.cancel()
            self._executor.shutdown(wait=not now)
            self._executor = None
        if self._bar:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def _draw(self, count: int, total: int) -> None:
        if self._bar and total > 1:
            filled = "#" * (30 * count // total)
            sys.stderr.write(f"\r[{filled:<30}] {count:,} of {total:,} {self._label}")
            sys.stderr.flush()


@contextmanager
def crew(jobs: int = 1, cluster: str | None = None, label: str = "tasks", quiet: bool = False) -> Iterator[Crew]:
    """Workers for the time of a command.

    jobs: processes here, one a core at most. cluster: address of a Dask scheduler, which goes first.
    Raises UserError where the cluster's library is not installed or the cluster cannot be reached.
    """
    bar = sys.stderr.isatty() and not quiet
    client = None
    if cluster is not None:
        client, fresh, lost = _dask(cluster)
        made = Crew(fresh, lost, label, bar)
    elif jobs > 1:
        # All are started at once: more than there are cores would do no work sooner, and many would do none at all.
        processes = min(jobs, os.cpu_count() or 1)
        made = Crew(lambda: ProcessPoolExecutor(processes, initializer=_begin), (BrokenExecutor,), label, bar)
    else:
        made = Crew(None, (), label, bar)
    try:
        yield made
    except KeyboardInterrupt:
        made.stop()
        raise
    except BaseException:
        made.close(now=True)
        raise
    finally:
        made.close()
        if client is not None:
            client.close()


def _workers(executor: Executor | None) -> Sequence[BaseProcess]:
    """The processes of an executor; none where they are not this process's."""
    # Public from Python 3.14 on, as `terminate_workers`.
    return tuple((getattr(executor, "_processes", None) or {}).values())


def _begin() -> None:
    """A worker's own start: it leaves an interrupt to who started it, and ends where that one is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    threading.Thread(target=_end_with, args=(parent_process(),), daemon=True).start()


def _end_with(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


def _dask(address: str) -> tuple[Any, Callable[[], Executor], tuple[type[BaseException], ...]]:
    try:
        from distributed import Client
        from distributed.scheduler import KilledWorker
    except ImportError:
        raise UserError("--cluster needs the extra: pip install 'capplan[cluster]'") from None
    try:
        client = Client(address, timeout=_CONNECT_S)  # type: ignore[no-untyped-call,unused-ignore]
    except (OSError, ValueError, TimeoutError) as wrong:
        raise UserError(f"--cluster {address}: no scheduler answers there ({wrong})") from None
    # The scheduler itself gives a lost worker's tasks to others; KilledWorker says that a task lost too many.
    return client, lambda: client.get_executor(pure=False), (KilledWorker,)  # type: ignore[no-untyped-call,unused-ignore]


def locally(function: Callable[[Any], Any], arguments: Sequence[Any]) -> list[Any]:
    """One after another, in this process."""
    return [function(argument) for argument in arguments]


def chunks(items: Sequence[A], size: int) -> list[Sequence[A]]:
    """Equal parts in order, the last one shorter.

    >>> chunks([1, 2, 3, 4, 5], 2)
    [[1, 2], [3, 4], [5]]
    """
    return [items[start : start + size] for start in range(0, len(items), size)]


def flattened(parts: Iterable[Sequence[A]]) -> list[A]:
    """The items of the parts, in order."""
    return [item for part in parts for item in part]
