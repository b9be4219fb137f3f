"""Inputs of an execution: which are enabled, what value each gets, what is wrong with it. Typed outputs of a flow are
read by the same rules.

An input is looked at once all it depends on have been. Its value is what was given, else its rendered default. Nothing
is stored here: a file that was uploaded leaves as a `FileToStore` with the address it will have. Reading one value as
one type is in `typed`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from segue.engine.typed import BadValue, Secret, UploadedFile, broken_rules, java_text, read_typed
from segue.expression.errors import ExpressionError
from segue.expression.evaluation import Scope
from segue.expression.template import render_value
from segue.model.encrypted import is_encrypted
from segue.model.flow import Input
from segue.model.names import ExecutionId
from segue.spec import json_schemas

DEFAULT_EXTENSION: Final = ".upl"
SECRET_LENGTH_MIN: Final = 4
"""Shorter ones are part of too many words to be looked for."""
_MASK: Final = "********"
_UNSAFE_IN_NAMES: Final = {ord(letter): "_" for letter in '/\\:*?"<>|'} | dict.fromkeys(range(32))
_FILE_NAME_BYTES_MAX: Final = 200
_SAFE_IN_ADDRESSES: Final = "-._~!$&'()*+,;=:@[]"


class Owner(Struct, frozen=True, kw_only=True):
    """The execution whose inputs are read: their files lie below it, in `folder`."""

    namespace: str
    flow_id: str
    execution_id: ExecutionId
    folder: str = "inputs"


class ResolvedInput(Struct, frozen=True, kw_only=True):
    """What became of one input. `errors` are whole sentences; `offered` are the choices of a SELECT or MULTISELECT.

    The value of a disabled input is what was given for it; it goes nowhere.
    """

    input: Input
    value: Any = None
    is_enabled: bool = True
    is_default: bool = False
    errors: tuple[str, ...] = ()
    offered: tuple[str, ...] | None = None


class FileToStore(Struct, frozen=True, kw_only=True):
    """An uploaded file and the address in internal storage that stands for it among the values."""

    input_id: str
    file: UploadedFile
    uri: str


class Resolved(Struct, frozen=True, kw_only=True):
    """All inputs of a flow, in its order. `values` are those of enabled inputs, dotted ids made into nested maps; of
    no use while there are `errors`. Secrets in it are marked (`typed.Secret`)."""

    inputs: tuple[ResolvedInput, ...]
    values: Mapping[str, Any]
    files: tuple[FileToStore, ...]

    @property
    def errors(self) -> tuple[str, ...]:
        """Why no execution can start with these: a sentence for each fault, led by the input's id."""
        return tuple(f"{each.input.id}: {error}" for each in self.inputs if each.is_enabled for error in each.errors)


def resolve(inputs: Sequence[Input], given: Mapping[str, Any], *, scope: Scope, owner: Owner) -> Resolved:
    """The values of the inputs. `given` maps ids to values (dotted ids may come as nested maps); what is given for
    no input is passed over. Expressions see `scope` and, as `inputs`, what has been resolved before them."""
    declared = tuple(flattened(inputs))
    resolving = _Resolving(declared, given, scope, owner)
    for each in in_dependency_order(declared):
        resolving.resolve(each)
    done = tuple(resolving.done[each.id] for each in declared)
    return Resolved(inputs=done, values=resolving.values, files=tuple(resolving.files))


def flattened(inputs: Iterable[Input]) -> Iterator[Input]:
    """The inputs with those of a FORM in its place, their ids led by the form's."""
    for each in inputs:
        if each.type != "FORM":
            yield each
            continue
        for inner in each.options.get("inputs", ()):
            depends_on = inner.depends_on or each.depends_on
            yield replace(inner, id=f"{each.id}.{inner.id}", depends_on=depends_on)


def in_dependency_order(inputs: Sequence[Input]) -> list[Input]:
    """As declared, but each after those it depends on. A cycle, which no valid flow has, is cut where it is met."""
    by_id = {each.id: each for each in inputs}
    ordered: dict[str, Input] = {}
    for first in inputs:
        waiting, entered = [first], {first.id}
        while waiting:
            current = waiting[-1]
            needed = _next_needed(current, by_id, ordered, entered)
            if needed is None:
                ordered.setdefault(current.id, current)
                waiting.pop()
            else:
                entered.add(needed.id)
                waiting.append(needed)
    return list(ordered.values())


def _next_needed(
    current: Input, by_id: Mapping[str, Input], ordered: Mapping[str, Input], entered: set[str]
) -> Input | None:
    names = current.depends_on.inputs if current.depends_on else ()
    open_ids = (name for name in names if name in by_id and name not in ordered and name not in entered)
    return next((by_id[name] for name in open_ids), None)


class _Resolving:
    """One pass over the inputs of a flow."""

    def __init__(self, inputs: Sequence[Input], given: Mapping[str, Any], scope: Scope, owner: Owner) -> None:
        self.done: dict[str, ResolvedInput] = {}
        self.values: dict[str, Any] = {}
        self.files: list[FileToStore] = []
        self._ids = frozenset(each.id for each in inputs)
        self._given = given
        self._scope = scope
        self._owner = owner

    def resolve(self, declared: Input) -> None:
        resolved = self._resolved(declared)
        self.done[declared.id] = resolved
        if resolved.is_enabled:
            _put(self.values, declared.id, None if resolved.errors else resolved.value)

    def _resolved(self, declared: Input) -> ResolvedInput:
        value = given_value(self._given, declared.id)
        try:
            is_enabled = self._is_enabled(declared)
        except ExpressionError as error:
            return ResolvedInput(
                input=declared,
                value=value,
                is_enabled=False,
                errors=(self._sentence(declared, f"Invalid condition: {error}", value),),
            )
        if not is_enabled:
            return ResolvedInput(input=declared, value=value, is_enabled=False)
        return self._read(declared, value)

    def _is_enabled(self, declared: Input) -> bool:
        if declared.depends_on is None:
            return True
        known = (self.done.get(name) for name in declared.depends_on.inputs if name in self._ids)
        if not all(each is not None and each.is_enabled for each in known):
            return False
        condition = declared.depends_on.condition
        return condition is None or str(self._render(condition, typed=False)).strip() == "true"

    def _read(self, declared: Input, value: Any) -> ResolvedInput:
        offered, is_default = None, False
        try:
            offered = self._offered(declared)
            if value is None:
                value = self._default(declared, offered)
                is_default = value is not None
                self._check_keeps_secrets(declared, value)
            if is_default and _is_readable_file(declared, value):
                return ResolvedInput(input=declared, value=value, is_default=True)
            read, broken = _read_value(declared, value, offered)
            if read is not None and declared.options.get("jsonSchema") is not None:
                broken = [*broken, *self._breaks_schema(declared.options["jsonSchema"], read)]
        except (BadValue, ExpressionError) as error:
            read, broken = None, [str(error)]
        if broken:
            read = value
        elif isinstance(read, UploadedFile):
            read = self._address(declared, read)
        errors = tuple(self._sentence(declared, each, value) for each in broken)
        return ResolvedInput(input=declared, value=read, is_default=is_default, errors=errors, offered=offered)

    def _breaks_schema(self, schema: Any, read: Any) -> list[str]:
        """One given as text may be an expression, and comes to JSON."""
        if isinstance(schema, str):
            schema = read_typed("JSON", self._render(schema))
        return [f"it must match the JSON schema: {each}" for each in json_schemas.broken(schema, read)]

    def _default(self, declared: Input, offered: tuple[str, ...] | None) -> Any:
        if declared.defaults is not None:
            return self._render(declared.defaults)
        if offered and declared.options.get("autoSelectFirst"):
            return [offered[0]] if declared.type == "MULTISELECT" else offered[0]
        return None

    def _check_keeps_secrets(self, declared: Input, value: Any) -> None:
        """A default may name a SECRET input only where it is encrypted too."""
        if declared.type == "SECRET" or value is None:
            return
        if self._masked(text := java_text(value)) != text:
            raise BadValue("its default would keep a SECRET input in the clear, declare it SECRET too")

    def _sentence(self, declared: Input, what: str, value: Any) -> str:
        return self._masked(_sentence(declared, what, value))

    def _masked(self, text: str) -> str:
        for secret in _secrets_in(self.values):
            if len(secret) >= SECRET_LENGTH_MIN:
                text = text.replace(secret, _MASK)
        return text

    def _offered(self, declared: Input) -> tuple[str, ...] | None:
        expression = declared.options.get("expression")
        if expression is not None:
            return _choices(self._render(expression))
        values = declared.options.get("values", declared.options.get("options"))
        return None if values is None else tuple(java_text(value) for value in values)

    def _render(self, value: Any, *, typed: bool = True) -> Any:
        scope = replace(self._scope, variables={**self._scope.variables, "inputs": _shown(self.values)})
        return render_value(value, scope, typed=typed)

    def _address(self, declared: Input, file: UploadedFile) -> str:
        uri = file_address(self._owner, declared, file)
        self.files.append(FileToStore(input_id=declared.id, file=file, uri=uri))
        return uri


def _is_readable_file(declared: Input, value: Any) -> bool:
    """A default may name a file of the machine, which no caller may."""
    return declared.type == "FILE" and isinstance(value, str) and value.startswith("file://")


def _read_value(declared: Input, value: Any, offered: tuple[str, ...] | None) -> tuple[Any, list[str]]:
    """The value as its type, and the rules it breaks."""
    if value is None:
        return None, ["missing required input"] if declared.required else []
    if is_encrypted(value) and declared.type != "SECRET":
        raise BadValue("it is given a secret, declare it SECRET")
    read = read_typed(declared.type, value, item_type=declared.options.get("itemType"))
    return read, broken_rules(declared.type, read, declared.options, offered)


def given_value(given: Mapping[str, Any], input_id: str) -> Any:
    """What was given for an id: under the id itself, or below the maps that its dots name."""
    if input_id in given:
        return given[input_id]
    found: Any = given
    for part in input_id.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return found


def _put(values: dict[str, Any], input_id: str, value: Any) -> None:
    *parents, last = input_id.split(".")
    for part in parents:
        below = values.get(part)
        if not isinstance(below, dict):
            below = values[part] = {}
        values = below
    values[last] = value


def _shown(values: Any) -> Any:
    """Values as expressions see them: secrets in the clear."""
    if isinstance(values, Secret):
        return values.value
    if isinstance(values, dict):
        return {key: _shown(value) for key, value in values.items()}
    return values


def _secrets_in(values: Any) -> Iterator[str]:
    if isinstance(values, Secret):
        yield values.value
    elif isinstance(values, dict):
        for value in values.values():
            yield from _secrets_in(value)


def _choices(rendered: Any) -> tuple[str, ...]:
    if isinstance(rendered, list | tuple):
        return tuple(java_text(value) for value in rendered)
    try:
        return tuple(java_text(value) for value in read_typed("ARRAY", rendered, item_type="STRING"))
    except BadValue as error:
        raise BadValue(
            f"Invalid expression result. Expected a list of strings, but received {java_text(rendered)}"
        ) from error


def _sentence(declared: Input, what: str, value: Any) -> str:
    received = _MASK if declared.type == "SECRET" and value is not None else java_text(value)
    return f"Invalid input for `{declared.id}`, {what}, but received `{received}`"


def file_address(owner: Owner, declared: Input, file: UploadedFile) -> str:
    """Where in internal storage a file given for an input will lie; the original name is kept as far as it is safe.
    Names in addresses are percent-encoded."""
    name = safe_name(file.name) or declared.id + str(declared.options.get("extension") or DEFAULT_EXTENSION)
    own = (*owner.namespace.split("."), owner.flow_id, "executions", owner.execution_id)
    parts = (*own, *owner.folder.split("/"), declared.id, name)
    return "kestra:///" + "/".join(quote(part, safe=_SAFE_IN_ADDRESSES) for part in parts)


def safe_name(name: str) -> str:
    """The last part of the path, cut from the left so that the extension stays."""
    name = name.replace("\\", "/").rpartition("/")[2].translate(_UNSAFE_IN_NAMES).strip(" .")
    return name.encode("utf-8", "ignore")[-_FILE_NAME_BYTES_MAX:].decode("utf-8", "ignore").strip(" .")


def extension_of(inputs: Sequence[Input], input_id: str) -> str:
    """The file extension that a FILE input of 1.x declares."""
    found = next((each for each in inputs if each.id == input_id), None)
    return str(found.options.get("extension") or DEFAULT_EXTENSION) if found else DEFAULT_EXTENSION
