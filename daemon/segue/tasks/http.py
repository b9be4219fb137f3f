"""`core.http.Request` and `core.http.Download`, and the request that both (and the expression `http()`) make."""

import contextlib
import json
import ssl
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from email.message import Message
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, Final
from urllib.parse import unquote, urlsplit

import httpx2

from segue.model.order import LogLevel
from segue.spec.types.http import HttpCall, HttpDownload, HttpOptions, HttpRequest
from segue.storage import address as addresses
from segue.tasks.context import TaskContext
from segue.tasks.egress import keeping_off
from segue.tasks.encryption import encrypted_output
from segue.tasks.kind import Result, TaskFailed, TaskKind

BODY_BYTES_MAX: Final = 10 << 20
DOWNLOAD_BYTES_MAX: Final = 10 << 30
REDIRECTS_MAX: Final = 20
CONNECT_TIMEOUT: Final = timedelta(seconds=30)
READ_IDLE_TIMEOUT: Final = timedelta(minutes=5)
_SHOWN_LENGTH_MAX: Final = 4_096
_MULTIPART: Final = "multipart/form-data"


def request(properties: HttpRequest, context: TaskContext) -> Result:
    """Outputs `uri`, `code`, `headers` (name to list) and `body`, always a text; `encryptedBody` in its place."""
    options = properties.options or HttpOptions()
    with sent(properties, context) as response:
        data = _body(response, options)
        text = _text_of(response, data, options.default_charset)
        _log_response(response, text, options, context)
        check_status(response, properties, text)
        if properties.encrypt_body:
            hidden = encrypted_output(context.surroundings.encryption_key, text)
            return Result(outputs=told(response) | {"body": None, "encryptedBody": hidden})
        return Result(outputs=told(response) | {"body": text, "encryptedBody": None})


def download(properties: HttpDownload, context: TaskContext) -> Result:
    """Streams the answer into internal storage. Outputs `uri`, `code`, `length`, `headers`."""
    options = properties.options or HttpOptions()
    with sent(properties, context) as response:
        if response.is_error and not _is_allowed(response, properties):
            raise TaskFailed(response.reason_phrase or f"HTTP status {response.status_code}")
        length_max = options.max_content_length or DOWNLOAD_BYTES_MAX
        name = properties.save_as or _file_name(response)
        kept = context.put_file(name, _bounded(response, length_max, _whole_timeout(options)))
        if not kept.size and properties.fail_on_empty_response:
            raise TaskFailed("No response from server: the answer is empty, and `failOnEmptyResponse` is true")
        return Result(outputs=told(response) | {"uri": kept.address, "length": kept.size})


@contextlib.contextmanager
def sent(call: HttpCall, context: TaskContext) -> Iterator[httpx2.Response]:
    """The answer, its body not read yet. What the network does is a failure of the task."""
    options = call.options or HttpOptions()
    uri = call.uri.strip().replace(" ", "%20")
    try:
        with (
            keeping_off(context.surroundings.blocked_networks),
            _client(call, options) as client,
            contextlib.ExitStack() as opened,
        ):
            body = _content(call, context, opened)
            headers = _headers(call, options, has_body="content" in body)
            _log_request(headers, call, options, context)
            with client.stream(
                call.method.upper(), uri, headers=headers, params=call.params, auth=_auth(options), **body
            ) as response:
                yield response
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
        raise TaskFailed(f"{call.method.upper()} {uri}: {error or type(error).__name__}") from error


def fetch(arguments: Mapping[str, Any], *, blocked_networks: tuple[str, ...]) -> Any:
    """What `http(...)` in an expression gives: the answer's value if it is JSON, else its text."""
    call = HttpCall.of_rendered({name: value for name, value in arguments.items() if value is not None})
    options = call.options or HttpOptions()
    content = None if call.body is None else call.body.encode("utf-8", "replace")
    headers = _headers(call, options, has_body=content is not None)
    try:
        with (
            keeping_off(blocked_networks),
            _client(call, options) as client,
            client.stream(
                call.method.upper(), call.uri, headers=headers, params=call.params, content=content, auth=_auth(options)
            ) as response,
        ):
            text = _text_of(response, _body(response, options), options.default_charset)
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
        raise TaskFailed(f"{call.method.upper()} {call.uri}: {error or type(error).__name__}") from error
    check_status(response, call, text)
    is_json = "json" in response.headers.get("content-type", "")
    return json.loads(text) if is_json and text else text


def check_status(response: httpx2.Response, call: HttpCall, text: str) -> None:
    if response.is_error and not _is_allowed(response, call):
        shown = text[:_SHOWN_LENGTH_MAX]
        raise TaskFailed(f"Failed http request with response code '{response.status_code}' and body:\n{shown}")


def _is_allowed(response: httpx2.Response, call: HttpCall) -> bool:
    options = call.options or HttpOptions()
    allowed = options.allowed_response_codes
    return bool(options.allow_failed or call.allow_failed or (allowed and response.status_code in allowed))


# What is sent ------------------------------------------------------------------------------------------------------


def _client(call: HttpCall, options: HttpOptions) -> httpx2.Client:
    timeout = options.timeout
    connect = (timeout and timeout.connect_timeout) or options.connect_timeout or CONNECT_TIMEOUT
    idle = (timeout and timeout.read_idle_timeout) or options.read_idle_timeout or READ_IDLE_TIMEOUT
    ssl_options = options.ssl or call.ssl_options
    trusts_all = bool(ssl_options and ssl_options.insecure_trust_all_certificates)
    return httpx2.Client(
        timeout=httpx2.Timeout(idle.total_seconds(), connect=connect.total_seconds()),
        follow_redirects=options.follow_redirects,
        max_redirects=REDIRECTS_MAX,
        verify=False if trusts_all else _certificates(),
        proxy=_proxy(options),
    )


@cache
def _certificates() -> ssl.SSLContext:
    """Made once for each worker: reading the certificates takes longer than most requests."""
    return ssl.create_default_context()


def _proxy(options: HttpOptions) -> httpx2.Proxy | None:
    proxy = options.proxy
    kind = (proxy and proxy.type) or options.proxy_type or ("HTTP" if options.proxy_address else "DIRECT")
    address = (proxy and proxy.address) or options.proxy_address
    if kind == "DIRECT" or address is None:
        return None
    port = (proxy and proxy.port) or options.proxy_port
    username = (proxy and proxy.username) or options.proxy_username
    password = (proxy and proxy.password) or options.proxy_password
    scheme = "socks5" if kind == "SOCKS" else "http"
    return httpx2.Proxy(
        f"{scheme}://{address}" + (f":{port}" if port else ""),
        auth=(username, password or "") if username else None,
    )


def _auth(options: HttpOptions) -> httpx2.Auth | None:
    auth = options.auth
    if auth is None:
        if options.basic_auth_user is None:
            return None
        return httpx2.BasicAuth(options.basic_auth_user, options.basic_auth_password or "")
    match auth.type:
        case "BASIC":
            return httpx2.BasicAuth(auth.username or "", auth.password or "")
        case "DIGEST":
            return httpx2.DigestAuth(auth.username or "", auth.password or "")
        case _:
            return None  # BEARER is a header


def _headers(call: HttpCall, options: HttpOptions, *, has_body: bool) -> dict[str, str]:
    headers = {name: str(value) for name, value in (call.headers or {}).items() if value is not None}
    names = {name.lower() for name in headers}
    if options.auth is not None and options.auth.type == "BEARER":
        headers["Authorization"] = f"Bearer {options.auth.token or ''}"
    if has_body and "content-type" not in names:
        headers["Content-Type"] = call.content_type or "application/json"
    return headers


def _content(call: HttpCall, context: TaskContext, opened: contextlib.ExitStack) -> dict[str, Any]:
    if call.form_data is None:
        return {} if call.body is None else {"content": call.body.encode("utf-8", "replace")}
    if (call.content_type or "").lower().startswith(_MULTIPART):
        return {"files": [(name, _part(value, context, opened)) for name, value in call.form_data.items()]}
    return {"data": {name: _field(value) for name, value in call.form_data.items()}}


def _part(value: Any, context: TaskContext, opened: contextlib.ExitStack) -> tuple[str | None, BinaryIO | str]:
    """A file for an address of internal storage, under its own name or that of `{name, content}`; else a field."""
    if isinstance(value, str) and addresses.is_address(value):
        return addresses.parts_of(value)[-1], opened.enter_context(context.open_file(value))
    if isinstance(value, Mapping) and value.keys() >= {"name", "content"}:
        content = str(value["content"])
        if addresses.is_address(content):
            return str(value["name"]), opened.enter_context(context.open_file(content))
        return str(value["name"]), content
    return None, _field(value)


def _field(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


# What comes back ---------------------------------------------------------------------------------------------------


def _body(response: httpx2.Response, options: HttpOptions) -> bytes:
    return b"".join(_bounded(response, options.max_content_length or BODY_BYTES_MAX, _whole_timeout(options)))


def _whole_timeout(options: HttpOptions) -> float | None:
    return None if options.read_timeout is None else options.read_timeout.total_seconds()


def _bounded(response: httpx2.Response, length_max: int, seconds: float | None) -> Iterator[bytes]:
    length = 0
    until = None if seconds is None else time.monotonic() + seconds
    for chunk in response.iter_bytes():
        length += len(chunk)
        if length > length_max:
            raise TaskFailed(f"The answer is longer than {length_max:,} bytes: use core.http.Download")
        if until is not None and time.monotonic() > until:
            raise TaskFailed(f"The answer took longer than the `readTimeout` of {seconds:g} s")
        yield chunk


def _text_of(response: httpx2.Response, data: bytes, charset: str) -> str:
    charset = response.charset_encoding or charset
    try:
        return data.decode(charset)
    except (UnicodeDecodeError, LookupError) as error:
        raise TaskFailed(f"The answer is no text in {charset}: use core.http.Download") from error


def told(response: httpx2.Response) -> dict[str, Any]:
    """The outputs that every request has."""
    headers: dict[str, list[str]] = {}
    for name, value in response.headers.multi_items():
        headers.setdefault(name, []).append(value)
    return {"uri": str(response.url), "code": response.status_code, "headers": headers}


def _file_name(response: httpx2.Response) -> str:
    """What the server calls it, else the end of the address."""
    disposition = Message()
    disposition["Content-Disposition"] = response.headers.get("content-disposition", "")
    said = disposition.get_filename() or unquote(urlsplit(str(response.url)).path)
    return Path(said.replace("\0", "")).name.strip(".") or "download"


# What is logged ----------------------------------------------------------------------------------------------------


def _log_request(headers: Mapping[str, str], call: HttpCall, options: HttpOptions, context: TaskContext) -> None:
    parts = options.logs or []
    if "REQUEST_HEADERS" in parts:
        context.log(LogLevel.DEBUG, f"Request headers: {json.dumps(_without_credentials(headers))}")
    if "REQUEST_BODY" in parts and call.body is not None:
        context.log(LogLevel.DEBUG, f"Request body: {call.body[:_SHOWN_LENGTH_MAX]}")


def _log_response(response: httpx2.Response, text: str, options: HttpOptions, context: TaskContext) -> None:
    parts = options.logs or []
    if "RESPONSE_HEADERS" in parts:
        context.log(LogLevel.DEBUG, f"Response headers: {json.dumps(_without_credentials(response.headers))}")
    if "RESPONSE_BODY" in parts:
        context.log(LogLevel.DEBUG, f"Response body: {text[:_SHOWN_LENGTH_MAX]}")


def _without_credentials(headers: Mapping[str, str]) -> dict[str, str]:
    hidden = {"authorization", "proxy-authorization", "cookie", "set-cookie"}
    return {name: "********" if name.lower() in hidden else value for name, value in headers.items()}


KINDS = (
    TaskKind(name="io.kestra.plugin.core.http.Request", properties=HttpRequest, run=request),
    TaskKind(name="io.kestra.plugin.core.http.Download", properties=HttpDownload, run=download),
)
