"""Performing one order: render its properties, check them, run the task, and say how it ended.

This is the one place where whatever a task's code raises becomes a value.
"""

import os
import traceback
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from msgspec.structs import replace
from pydantic import BaseModel, ValidationError

from segue.expression.errors import ExpressionError
from segue.expression.template import Scope, truthy
from segue.model.execution import Failure
from segue.model.order import POLL, SETUP, LogLevel, Order
from segue.model.state import State
from segue.spec.duration import NotADuration, parse_duration
from segue.spec.fields import Spec
from segue.storage.address import AddressRefused
from segue.storage.place import open_storage
from segue.storage.storage import StorageFailure
from segue.tasks import loop, polls, task_cache, working_directory
from segue.tasks.context import Surroundings, TaskContext
from segue.tasks.daemon import DaemonCalls
from segue.tasks.encryption import CannotDecrypt, Cipher, opened
from segue.tasks.interruption import Cause, Interrupted, Interruption
from segue.tasks.kind import Result, TaskFailed
from segue.tasks.masking import Masker
from segue.tasks.packages import AnyKind
from segue.tasks.registry import kind_of
from segue.tasks.scripts import processes
from segue.workers import keeping
from segue.workers.channel import AskRefused, Channel
from segue.workers.journal import WorkerJournal
from segue.workers.messages import DeadlineSet, Ended, FrameRefused, Told
from segue.workers.outside import MirrorFiles, WorkerOutside
from segue.workers.settings import INSTANCE_VARIABLE, WorkerSettings

FAILURE_LENGTH_MAX: Final = 10_000
_ERRANDS: Final[Mapping[str, AnyKind]] = {**working_directory.ERRANDS, **loop.ERRANDS}


class Performer:
    """What a worker keeps from order to order."""

    def __init__(self, channel: Channel, interruption: Interruption, settings: WorkerSettings) -> None:
        self._channel = channel
        self._interruption = interruption
        self._settings = settings
        self._cipher = Cipher.of(settings.encryption_key) if settings.encryption_key else None
        self._storage = open_storage(settings.storage)
        self._files = MirrorFiles(settings.mirror)
        self._surroundings = Surroundings(
            work=settings.work,
            environment={**settings.environment, INSTANCE_VARIABLE: settings.instance},
            python=settings.python,
            warm_python=settings.warm_python,
            kill_grace_seconds=settings.kill_grace.total_seconds(),
            encryption_key=settings.encryption_key,
            allowed_paths=settings.allowed_paths,
            blocked_networks=settings.blocked_networks,
        )

    def perform(self, order: Order, *, is_worn: bool) -> None:
        """Works on the order and reports its end."""
        masker = Masker()
        journal = WorkerJournal(masker, LogLevel(order.log_level or LogLevel.TRACE), self._tell, order)
        context = self._context(order, journal, masker)
        try:
            ended = keeping.kept(order, self._end_of(context), self._cipher, masker)
            if context.outputs_address is not None and ended.state is State.SUCCESS and not ended.wishes:
                task_cache.keep(context, context.outputs_address, ended.outputs)
            log_file = journal.to_file(context) if order.log_to_file else None
        finally:
            context.close()
        lines, metrics = journal.take()
        self._report(replace(ended, lines=lines, metrics=metrics, log_file=log_file, is_worn=is_worn))

    def _ask(self, order_id: str, kind: str, arguments: Mapping[str, Any]) -> Any:
        try:
            return self._channel.ask(order_id, kind, arguments)
        except AskRefused as refused:
            raise TaskFailed(str(refused)) from refused

    def _tell(self, told: Told) -> None:
        self._channel.send(told)

    def _report(self, ended: Ended) -> None:
        try:
            self._channel.send(ended)
        except (FrameRefused, ValueError, TypeError, RecursionError) as error:
            # Outputs that cannot be told: too large, too deep, no finite numbers, no plain values.
            failure = Failure(message=f"The outputs cannot be kept: {error}")
            self._channel.send(replace(ended, state=State.FAILED, outputs=None, value=None, wishes=(), failure=failure))

    def _context(self, order: Order, journal: WorkerJournal, masker: Masker) -> TaskContext:
        files = self._files.at(order.commit)
        outside = WorkerOutside(
            order,
            channel=self._channel,
            secrets=self._settings.secrets,
            storage=self._storage,
            files=files,
            masker=masker,
            cipher=self._cipher,
            blocked_networks=self._settings.blocked_networks,
        )
        return TaskContext(
            order=order,
            scope=Scope(variables=order.variables, outside=outside),
            journal=journal,
            storage=self._storage,
            namespace_files=files,
            daemon=DaemonCalls(partial(self._ask, order.id)),
            surroundings=self._surroundings,
            interruption=self._interruption,
            masker=masker,
        )

    def _end_of(self, context: TaskContext) -> Ended:
        try:
            with self._interruption.armed():
                return self._worked_on(context)
        except Interrupted as interrupted:
            return _cut_short(context, interrupted.cause)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the worker's task call: one of the four boundaries
            # Compiled code that it was raised through may have made an error of its own of an interruption.
            cause = self._interruption.cause
            return _cut_short(context, cause) if cause is not None else _failed_by(context, error)

    def _worked_on(self, context: TaskContext) -> Ended:
        order = context.order
        if self._interruption.was_early() and self._channel.is_killed(order.id):
            raise Interrupted(Cause.KILL)
        if order.purpose != keeping.EVAL:
            variables = opened(order.variables, self._cipher, context.masker)
            context.scope = replace(context.scope, variables=variables)
        if order.purpose == POLL:  # what a look remembers may hold a secret too, and was stored as such
            order = context.order = replace(order, template=opened(order.template, self._cipher, context.masker))
        if order.purpose is not None and not order.is_errand:
            value = context.render(order.template, typed=order.typed)
            return Ended(order_id=order.id, state=State.SUCCESS, value=keeping.answer_of(order, value))
        if order.run_if is not None and not truthy(context.render(order.run_if)):
            return Ended(order_id=order.id, state=State.SKIPPED)
        self._limit_time(context)
        result = _run(context)
        if order.is_errand:
            return Ended(order_id=order.id, state=result.state, value=result.outputs)
        return Ended(order_id=order.id, state=result.state, outputs=result.outputs, wishes=result.wishes)

    def _limit_time(self, context: TaskContext) -> None:
        order = context.order
        if order.timeout is None:
            return
        seconds = _seconds_of(context, order.timeout)
        failure = _timed_out(seconds)
        self._channel.send(DeadlineSet(order_id=order.id, seconds=seconds, failure=failure))
        context.deadline_seconds = seconds
        self._interruption.after(seconds)


def _run(context: TaskContext) -> Result:
    order = context.order
    with context.interruption.held():  # the first of its kind loads the module, which is not to be left half done
        kind = _kind(order)
    if kind is None:
        raise TaskFailed(f"The task type {order.task_type} is not installed here")
    if order.folder is not None and order.purpose != SETUP and not context.working_directory.is_dir():
        raise TaskFailed("The folder of the WorkingDirectory is gone: restart the execution, it begins anew")
    rendered = _rendered(kind, context)
    if order.reuses:
        address = task_cache.address_of(context, rendered, kind.unrendered)
        if (outputs := task_cache.found(context, address, order.reuse_seconds)) is not None:
            return Result(outputs=outputs)
        context.outputs_address = address
    with context.interruption.held():  # nor the model, which the first one makes ready
        properties = _checked(kind.properties, rendered)
    result = kind.run(properties, context)
    if result.instead is None:
        return result
    context.order = replace(context.order, task_type=result.instead.task_type, properties=result.instead.properties)
    return _run(context)


def _kind(order: Order) -> AnyKind | None:
    if order.purpose == POLL:
        return polls.errand_of(order.task_type)
    return _ERRANDS.get(order.purpose or "") or kind_of(order.task_type)


def _rendered(kind: AnyKind, context: TaskContext) -> dict[str, Any]:
    extra = kind.variables(context) if kind.variables else None
    typed = kind.typed if context.order.keeps_types else frozenset()
    return {
        name: value if name in kind.unrendered else context.render(value, typed=name in typed, extra=extra)
        for name, value in context.order.properties.items()
    }


def _checked(model: type[BaseModel], properties: Mapping[str, Any]) -> BaseModel:
    try:
        if issubclass(model, Spec):
            return model.of_rendered(properties)
        return model.model_validate(properties)
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors(include_input=False))
        raise TaskFailed("Invalid properties: " + "; ".join(faults)) from error


def _seconds_of(context: TaskContext, timeout: str) -> float:
    try:
        return max(parse_duration(context.render(timeout)).total_seconds(), 0.0)
    except NotADuration as error:
        raise TaskFailed(f"timeout: {error}") from error


def _timed_out(seconds: float) -> Failure:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return Failure(message=f"Timeout after {hours:02}:{minutes:02}:{rest:06.3f}", kind="timeout")


def _failed_by(context: TaskContext, error: BaseException) -> Ended:
    match error:
        case TaskFailed():
            return _failed(context, Failure(message=error.message), error.outputs)
        case ExpressionError():
            return _failed(context, Failure(message=str(error), kind="expression"))
        case StorageFailure() | AddressRefused() | CannotDecrypt():
            return _failed(context, Failure(message=str(error)))
        case _:
            context.log(LogLevel.DEBUG, "".join(traceback.format_exception(error)))
            return _failed(context, Failure(message=f"{type(error).__name__}: {error}"))


def _cut_short(context: TaskContext, cause: Cause) -> Ended:
    # The task ends what it started; this is for what it was just about to take note of.
    processes.end(lambda: processes.descendants(os.getpid()), 0.0)
    match cause:
        case Cause.KILL:
            failure = Failure(message="Killed", kind="killed")
            return Ended(order_id=context.order.id, state=State.KILLED, failure=failure)
        case Cause.TIMEOUT:
            return _failed(context, _timed_out(context.deadline_seconds or 0.0))
        case Cause.DAEMON_GONE:
            context.close()
            raise SystemExit


def _failed(context: TaskContext, failure: Failure, outputs: Mapping[str, Any] | None = None) -> Ended:
    message = context.masker.mask(failure.message)[:FAILURE_LENGTH_MAX]
    if not context.order.is_errand:  # of an errand the engine tells
        context.log(LogLevel.ERROR, message)
    told = Failure(message=message, kind=failure.kind)
    return Ended(order_id=context.order.id, state=State.FAILED, failure=told, outputs=outputs)
