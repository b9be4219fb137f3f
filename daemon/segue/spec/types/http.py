"""Properties of the tasks `core.http.*`. The trigger shares `HttpCall`."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import Field

from segue.spec.fields import Dynamic, PositiveInt, Span, Spec, Text, Values

LoggedPart = Literal["REQUEST_HEADERS", "REQUEST_BODY", "RESPONSE_HEADERS", "RESPONSE_BODY"]
Port = Dynamic[int]


class HttpTimeout(Spec):
    """How long to wait."""

    connect_timeout: Dynamic[Span] | None = Field(default=None, description="For the connection to be made.")
    read_idle_timeout: Dynamic[Span] | None = Field(default=None, description="Between two pieces of the answer.")


class HttpProxy(Spec):
    """The proxy to go through."""

    type: Dynamic[Literal["DIRECT", "HTTP", "SOCKS"]] = Field(default="DIRECT", description="Kind of proxy.")
    address: Dynamic[Text] | None = Field(default=None, description="Host name or address.")
    port: Port | None = Field(default=None, description="Port.")
    username: Dynamic[Text] | None = Field(default=None, description="User.")
    password: Dynamic[Text] | None = Field(default=None, description="Password.")


class HttpAuth(Spec):
    """How to authenticate."""

    type: Dynamic[Literal["BASIC", "BEARER", "DIGEST"]] = Field(description="Kind of authentication.")
    username: Dynamic[Text] | None = Field(default=None, description="User (BASIC, DIGEST).")
    password: Dynamic[Text] | None = Field(default=None, description="Password (BASIC, DIGEST).")
    token: Dynamic[Text] | None = Field(default=None, description="Token (BEARER).")


class HttpSsl(Spec):
    """How to check certificates."""

    insecure_trust_all_certificates: Dynamic[bool] | None = Field(
        default=None, description="Accept every certificate. For tests only."
    )


class HttpOptions(Spec):
    """How the request is made. The flat keys at the end are older spellings of the nested ones."""

    timeout: HttpTimeout | None = Field(default=None, description="How long to wait.")
    proxy: HttpProxy | None = Field(default=None, description="The proxy to go through.")
    auth: HttpAuth | None = Field(default=None, description="How to authenticate.")
    ssl: HttpSsl | None = Field(default=None, description="How to check certificates.")
    follow_redirects: Dynamic[bool] = Field(default=True, description="Follow redirects.")
    allow_failed: Dynamic[bool] = Field(default=False, description="A status of 400 and above is no failure.")
    allowed_response_codes: Dynamic[list[int]] | None = Field(
        default=None, description="Status codes that are no failure."
    )
    default_charset: Dynamic[Text] = Field(default="UTF-8", description="Charset of an answer that names none.")
    logs: list[LoggedPart] | None = Field(default=None, description="Parts of request and answer to log.")
    connect_timeout: Dynamic[Span] | None = Field(
        default=None, description="Older spelling of `timeout.connectTimeout`."
    )
    read_timeout: Dynamic[Span] | None = Field(default=None, description="How long the whole answer may take.")
    read_idle_timeout: Dynamic[Span] | None = Field(
        default=None, description="Older spelling of `timeout.readIdleTimeout`."
    )
    connection_pool_idle_timeout: Dynamic[Span] | None = Field(default=None, description="Accepted and ignored.")
    max_content_length: Dynamic[int] | None = Field(default=None, description="Largest answer, in bytes.")
    proxy_type: Dynamic[Text] | None = Field(default=None, description="Older spelling of `proxy.type`.")
    proxy_address: Dynamic[Text] | None = Field(default=None, description="Older spelling of `proxy.address`.")
    proxy_port: Port | None = Field(default=None, description="Older spelling of `proxy.port`.")
    proxy_username: Dynamic[Text] | None = Field(default=None, description="Older spelling of `proxy.username`.")
    proxy_password: Dynamic[Text] | None = Field(default=None, description="Older spelling of `proxy.password`.")
    basic_auth_user: Dynamic[Text] | None = Field(default=None, description="Older spelling of `auth.username`.")
    basic_auth_password: Dynamic[Text] | None = Field(default=None, description="Older spelling of `auth.password`.")
    log_level: Dynamic[Text] | None = Field(default=None, description="Accepted and ignored.")


class HttpCall(Spec):
    """What every HTTP task and trigger says of its request."""

    uri: Dynamic[Text] = Field(description="Where to send the request.")
    method: Dynamic[Text] = Field(default="GET", description="The HTTP method.")
    body: Dynamic[Text] | None = Field(default=None, description="The body, as text.")
    form_data: Dynamic[Values] | None = Field(
        default=None,
        description="Form fields. With content type multipart/form-data a `kestra://` URI is sent as a file.",
    )
    content_type: Dynamic[Text] | None = Field(default=None, description="Content type of the body.")
    headers: Dynamic[dict[str, Any]] | None = Field(default=None, description="Headers by name.")
    params: Dynamic[Values] | None = Field(default=None, description="Query parameters by name.")
    options: HttpOptions | None = Field(default=None, description="How the request is made.")
    allow_failed: Dynamic[bool] | None = Field(default=None, description="Older spelling of `options.allowFailed`.")
    ssl_options: HttpSsl | None = Field(default=None, description="Older spelling of `options.ssl`.")


class HttpRequest(HttpCall):
    """Sends an HTTP request; the answer's text is the output `body`."""

    encrypt_body: Dynamic[bool] = Field(default=False, description="Store the answer's body encrypted.")


class HttpDownload(HttpCall):
    """Downloads a file into internal storage."""

    fail_on_empty_response: Dynamic[bool] = Field(default=True, description="An empty answer is a failure.")
    save_as: Dynamic[Text] | None = Field(default=None, description="Name of the stored file.")


class HttpSseRequest(HttpCall):
    """Reads server-sent events to the end of the stream."""

    concat_jq_expression: Dynamic[Text] | None = Field(
        default=None, description="A jq filter whose results, one for each event, are joined to the output `result`."
    )
    failed_on_missing_jq: Dynamic[bool] = Field(default=True, description="An event without a result is a failure.")
    max_events: Dynamic[PositiveInt] | None = Field(default=None, description="Stop after so many events.")


TYPES: Final[Mapping[str, type[Spec]]] = {
    "core.http.Request": HttpRequest,
    "core.http.Download": HttpDownload,
    "core.http.SseRequest": HttpSseRequest,
}
