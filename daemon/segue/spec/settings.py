"""`segue.yaml` at the root of a repository: plugin defaults for all its flows, and variables by environment.

Where flows lie (`flows`, `namespace`) is checked here too, but it is `git.layout` that uses it.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from msgspec import Struct, field
from pydantic import AfterValidator, AliasChoices, Field, ValidationError

from segue.model.flow import PluginDefault
from segue.model.problem import Problem
from segue.spec.catalogue import BUILT_IN, Catalogue
from segue.spec.document import Document, read_documents
from segue.spec.fields import Spec, Text, Values
from segue.spec.finding import Finding, placed
from segue.spec.flow import PluginDefaultSpec, check_namespace
from segue.spec.plugin_defaults import defaults_written
from segue.spec.wording import findings_of

SETTINGS_PATH: Final = "segue.yaml"


class EnvironmentSpec(Spec):
    """What differs in one environment."""

    variables: Values | None = Field(default=None, description="Variables of this environment, by name.")


class SettingsSpec(Spec):
    """Settings of a flow repository."""

    flows: Text = Field(default="flows", description="The folder that holds the flows.")
    namespace: Annotated[Text, AfterValidator(check_namespace)] | None = Field(
        default=None, description="Namespace of the flows in a folder `_flows`."
    )
    plugin_defaults: list[PluginDefaultSpec] | None = Field(
        default=None,
        validation_alias=AliasChoices("pluginDefaults", "taskDefaults"),
        description="Values for every object of a type, in all flows.",
    )
    variables: Values | None = Field(default=None, description="Variables of every environment, as `globals`.")
    secrets: list[Text] | None = Field(
        default=None, description="Names of the secrets that the daemon has, for `segue validate` to know."
    )
    environments: dict[str, EnvironmentSpec] | None = Field(
        default=None, description="What differs in an environment, by its name (`segue serve --env NAME`)."
    )


class RepositorySettings(Struct, frozen=True, kw_only=True):
    """What a repository says of all its flows."""

    plugin_defaults: tuple[PluginDefault, ...] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)
    variables_by_environment: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()

    def variables_for(self, environment: str | None) -> Mapping[str, Any]:
        """The variables of an environment: those of all, with its own over them."""
        return {**self.variables, **self.variables_by_environment.get(environment or "", {})}


class LoadedSettings(Struct, frozen=True, kw_only=True):
    """The settings unless a problem keeps them from being used."""

    settings: RepositorySettings | None
    problems: tuple[Problem, ...]


def load_settings(text: str | bytes, *, path: str = SETTINGS_PATH, catalogue: Catalogue = BUILT_IN) -> LoadedSettings:
    """The settings in the text of a `segue.yaml`; an empty one says nothing."""
    documents = read_documents(text) or (Document({}, None),)
    document = documents[0]
    findings = list(document.findings)
    if not findings and len(documents) > 1:
        findings = [Finding(where=(), code="several-documents", message="the file holds one document")]
    if not findings and not isinstance(document.value, dict):
        findings = [Finding(where=(), code="not-settings", message="the settings are a map of keys")]
    if findings:
        return LoadedSettings(settings=None, problems=placed(findings, document, path))
    try:
        spec = SettingsSpec.model_validate(document.value)
    except ValidationError as error:
        findings = findings_of(error, SettingsSpec, document.value, ())
        return LoadedSettings(settings=None, problems=placed(findings, document, path))
    return LoadedSettings(settings=_settings_of(spec, document.value, catalogue), problems=())


def _settings_of(spec: SettingsSpec, raw: Mapping[str, Any], catalogue: Catalogue) -> RepositorySettings:
    return RepositorySettings(
        plugin_defaults=defaults_written(raw.get("pluginDefaults", raw.get("taskDefaults")), catalogue),
        variables=spec.variables or {},
        variables_by_environment={name: each.variables or {} for name, each in (spec.environments or {}).items()},
        secrets=frozenset(name.upper() for name in spec.secrets or ()),
    )
