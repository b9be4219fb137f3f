"""Functions that reach outside: each checks its arguments here and hands the question on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from segue.expression.errors import ExpressionError
from segue.expression.evaluation import Evaluation
from segue.expression.signatures import (
    FunctionSignature,
    Given,
    boolean_argument,
    integer_argument,
    optional_text,
    text_argument,
)
from segue.expression.tree import Dialect
from segue.expression.values import plain, to_text

_HTTP_PARAMETERS = ("uri", "method", "query", "body", "contentType", "headers", "options", "accept")
_SUBFLOW_PARAMETERS = ("namespace", "id", "inputs", "revision", "labels", "timeout")


def _secret(given: Given, evaluation: Evaluation) -> str:
    what = "The 'secret' function"
    key, namespace = text_argument(given, "key", what), optional_text(given, "namespace", what)
    return evaluation.outside.secret(key, namespace, optional_text(given, "subkey", what))


def _kv(given: Given, evaluation: Evaluation) -> Any:
    what = "The 'kv' function"
    key, namespace = text_argument(given, "key", what), optional_text(given, "namespace", what)
    missing = boolean_argument(given, "errorOnMissing", what, default=evaluation.dialect is Dialect.V2)
    return evaluation.outside.kv(key, namespace, error_on_missing=missing)


def _path(given: Given, evaluation: Evaluation, name: str) -> str:
    if given.get("path") is None:
        raise ExpressionError(
            f"The '{name}' function expects an argument 'path' that is a path to a namespace file or an internal storage URI."
        )
    return to_text(given["path"], evaluation.meter)


def _read(given: Given, evaluation: Evaluation) -> str:
    what = "The 'read' function"
    revision = None if given.get("revision") is None else integer_argument(given, "revision", what)
    path, namespace = _path(given, evaluation, "read"), optional_text(given, "namespace", what)
    text = evaluation.outside.read(path, namespace, revision)
    evaluation.meter.join(len(text))
    return text


def _file(name: str, ask: Callable[[Evaluation, str, str | None], Any]) -> FunctionSignature:
    def apply(given: Given, evaluation: Evaluation) -> Any:
        path = _path(given, evaluation, name)
        return ask(evaluation, path, optional_text(given, "namespace", f"The '{name}' function"))

    return FunctionSignature(apply, ("path", "namespace"), required=1, effect=True)


def _file_uri(given: Given, evaluation: Evaluation) -> str:
    """The address of a namespace file: made of names alone."""
    if given.get("path") is None:
        raise ExpressionError("The 'fileURI' function expects an argument 'path' that is a path to a namespace file.")
    namespace = optional_text(given, "namespace", "The 'fileURI' function")
    if namespace is None:
        namespace = to_text(evaluation.map_variable("flow").get("namespace"), evaluation.meter)
    path = to_text(given["path"], evaluation.meter).removeprefix("/")
    return f"kestra:///{namespace.replace('.', '/')}/_files/{path}"


def _http(given: Given, evaluation: Evaluation) -> Any:
    if given.get("uri") is None:
        raise ExpressionError("The 'http' function expects an argument 'uri'.")
    return evaluation.outside.http({name: plain(value) for name, value in given.items()})


def _subflow(given: Given, evaluation: Evaluation) -> Any:
    if evaluation.variable("taskrun") is not None or evaluation.variable("trigger") is not None:
        raise ExpressionError(
            "The 'subflow' function can only be used at flow-input render time (e.g. an input's 'values'); "
            "it is not supported inside task or trigger properties."
        )
    if given.get("namespace") is None or given.get("id") is None:
        raise ExpressionError("The 'subflow' function expects the arguments 'namespace' and 'id'.")
    return evaluation.outside.subflow({name: plain(value) for name, value in given.items()})


def _error_logs(_given: Given, evaluation: Evaluation) -> list[dict[str, Any]]:
    return evaluation.outside.error_logs()


def _encrypt(given: Given, evaluation: Evaluation) -> str:
    if given.get("key") is None or given.get("plaintext") is None:
        raise ExpressionError("The 'encrypt' function expects two arguments 'key' and 'plaintext'.")
    return evaluation.outside.encrypt(
        text_argument(given, "key", "The 'encrypt' function"), to_text(given["plaintext"], evaluation.meter)
    )


def _decrypt(given: Given, evaluation: Evaluation) -> str:
    what = "The 'decrypt' function"
    if given.get("key") is None or given.get("encrypted") is None:
        raise ExpressionError(f"{what} expects two arguments 'key' and 'encrypted'.")
    return evaluation.outside.decrypt(text_argument(given, "key", what), text_argument(given, "encrypted", what))


OUTSIDE_FUNCTIONS: dict[str, FunctionSignature] = {
    "decrypt": FunctionSignature(_decrypt, ("key", "encrypted"), required=2, effect=True),
    "encrypt": FunctionSignature(_encrypt, ("key", "plaintext"), required=2, effect=True),
    "errorLogs": FunctionSignature(_error_logs, effect=True),
    "fileExists": _file(
        "fileExists", lambda evaluation, path, namespace: evaluation.outside.file_exists(path, namespace)
    ),
    "fileSize": _file("fileSize", lambda evaluation, path, namespace: evaluation.outside.file_size(path, namespace)),
    "fileURI": FunctionSignature(_file_uri, ("path", "namespace"), required=1),
    "http": FunctionSignature(_http, _HTTP_PARAMETERS, required=1, effect=True),
    "isFileEmpty": _file(
        "isFileEmpty", lambda evaluation, path, namespace: evaluation.outside.is_file_empty(path, namespace)
    ),
    "kv": FunctionSignature(_kv, ("key", "namespace", "errorOnMissing"), required=1, effect=True),
    "read": FunctionSignature(_read, ("path", "namespace", "revision"), required=1, effect=True),
    "secret": FunctionSignature(_secret, ("key", "namespace", "subkey"), required=1, effect=True),
    "subflow": FunctionSignature(_subflow, _SUBFLOW_PARAMETERS, required=2, effect=True),
}
