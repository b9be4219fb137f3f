"""Properties of the tasks `core.kv.*`."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import Field

from segue.spec.fields import Dynamic, Span, Spec, Text, Texts

KvType = Literal["STRING", "NUMBER", "BOOLEAN", "DATETIME", "DATE", "DURATION", "JSON"]


class Set(Spec):
    """Stores a value under a key."""

    key: Dynamic[Text] = Field(description="The key.")
    value: Any = Field(description="The value; an expression keeps its type.")
    namespace: Dynamic[Text] | None = Field(default=None, description="Namespace; default: the flow's.")
    overwrite: Dynamic[bool] = Field(default=True, description="If false, a key that exists is an error.")
    ttl: Dynamic[Span] | None = Field(default=None, description="The key expires after this time.")
    kv_type: Dynamic[KvType] | None = Field(default=None, description="What a text is converted to.")
    kv_description: Dynamic[Text] | None = Field(default=None, description="A note for people.")


class Get(Spec):
    """Reads the value of a key."""

    key: Dynamic[Text] = Field(description="The key.")
    namespace: Dynamic[Text] | None = Field(default=None, description="Namespace; default: the flow's.")
    error_on_missing: Dynamic[bool] = Field(default=False, description="A missing key is an error.")


class GetKeys(Spec):
    """Lists keys."""

    prefix: Dynamic[Text] | None = Field(default=None, description="Only keys that begin so.")
    namespace: Dynamic[Text] | None = Field(default=None, description="Namespace; default: the flow's.")


class Delete(Spec):
    """Deletes a key."""

    key: Dynamic[Text] = Field(description="The key.")
    namespace: Dynamic[Text] | None = Field(default=None, description="Namespace; default: the flow's.")
    error_on_missing: Dynamic[bool] = Field(default=False, description="A missing key is an error.")


class PurgeBehavior(Spec):
    """Which keys or versions go."""

    type: Literal["key", "version"] = Field(description="Whole keys, or old versions of them.")
    expired_only: Dynamic[bool] | None = Field(default=None, description="Only expired keys (type key; default true).")
    before: Dynamic[Text] | None = Field(default=None, description="Versions older than this date (type version).")
    keep_amount: Dynamic[int] | None = Field(default=None, description="Keep so many versions (type version).")


class PurgeKv(Spec):
    """Deletes keys, by default the expired ones."""

    namespaces: Dynamic[Texts] | None = Field(default=None, description="Namespaces to look at.")
    namespace_pattern: Dynamic[Text] | None = Field(default=None, description="Glob of namespaces to look at.")
    key_pattern: Dynamic[Text] | None = Field(default=None, description="Glob of keys.")
    include_child_namespaces: Dynamic[bool] = Field(default=True, description="Look below the namespaces too.")
    behavior: PurgeBehavior | None = Field(default=None, description="Which keys or versions go.")
    expired_only: Dynamic[bool] | None = Field(default=None, description="Older spelling of `behavior.expiredOnly`.")


TYPES: Final[Mapping[str, type[Spec]]] = {
    "core.kv.Set": Set,
    "core.kv.Get": Get,
    "core.kv.GetKeys": GetKeys,
    "core.kv.Delete": Delete,
    "core.kv.PurgeKV": PurgeKv,
}
