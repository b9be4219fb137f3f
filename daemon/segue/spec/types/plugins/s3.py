"""Properties of the tasks and the trigger on objects of S3 and of stores that speak its protocol."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import Field

from segue.spec.fields import Dynamic, PositiveInt, Span, Spec, Text, Texts
from segue.spec.types.plugins.found_files import Action, Watching

Encryption = Literal["NONE", "AES256", "aws:kms", "aws:kms:dsse", "AWS_KMS", "AWS_KMS_DSSE"]


class Connection(Spec):
    """How the store is reached. Without keys: by what the daemon's environment and machine have."""

    access_key_id: Dynamic[Text] | None = Field(default=None, description="Access key.")
    secret_key_id: Dynamic[Text] | None = Field(default=None, description="The secret key of it.")
    session_token: Dynamic[Text] | None = Field(default=None, description="Token of temporary keys.")
    region: Dynamic[Text] | None = Field(default=None, description="Region of the bucket.")
    endpoint_override: Dynamic[Text] | None = Field(
        default=None, description="URL of another store than Amazon's that speaks S3."
    )
    force_path_style: Dynamic[bool] | None = Field(
        default=None, description="Accepted: buckets are always named in the path."
    )
    compatibility_mode: Dynamic[bool] | None = Field(
        default=None, description="Accepted: there is one client for all stores."
    )
    request_payer: Dynamic[Text] | None = Field(default=None, description="`requester`: who asks pays.")


class InBucket(Connection):
    """The store, and a bucket of it."""

    bucket: Dynamic[Text] = Field(description="The bucket.")


class CreateBucket(InBucket):
    """Makes a bucket."""


class Selecting(InBucket):
    """Which objects of a bucket."""

    prefix: Dynamic[Text] | None = Field(default=None, description="What their keys begin with.")
    delimiter: Dynamic[Text] | None = Field(
        default=None, description="Only keys without this after the prefix: with `/` those of one folder."
    )
    marker: Dynamic[Text] | None = Field(default=None, description="Only keys after this one.")
    encoding_type: Dynamic[Text] | None = Field(default=None, description="Accepted: any key can be listed.")
    max_keys: Dynamic[PositiveInt] = Field(default=1000, description="At most so many keys are looked at.")
    regexp: Dynamic[Text] | None = Field(default=None, description="Pattern of the whole key.")


class Listing(Selecting):
    """Which of them, by kind."""

    filter: Dynamic[Literal["FILES", "DIRECTORY", "BOTH"]] = Field(
        default="BOTH", description="DIRECTORY: keys that end with `/`; FILES: those that do not."
    )


class Target(Spec):
    """Where an object goes."""

    bucket: Dynamic[Text] | None = Field(default=None, description="Bucket; default: the one it comes from.")
    key: Dynamic[Text] | None = Field(default=None, description="Key; default: the one it has.")
    server_side_encryption: Dynamic[Encryption] | None = Field(default=None, description="How it is encrypted there.")
    kms_key_id: Dynamic[Text] | None = Field(default=None, description="Key of the key service, for `AWS_KMS`.")


class Origin(Spec):
    """Where an object comes from."""

    bucket: Dynamic[Text] = Field(description="Bucket.")
    key: Dynamic[Text] = Field(description="Key.")
    version_id: Dynamic[Text] | None = Field(default=None, description="Version; default: the newest.")


class MoveTarget(Spec):
    """Where MOVE puts objects."""

    bucket: Dynamic[Text] | None = Field(default=None, description="Bucket; default: the one they come from.")
    key: Dynamic[Text] = Field(description="The folder: below it a key stays as it is below the prefix.")


class Taking(Listing):
    """Which objects, and what becomes of them."""

    action: Dynamic[Action] = Field(default="NONE", description="What becomes of an object that was taken.")
    move_to: Dynamic[MoveTarget] | None = Field(default=None, description="Where MOVE puts it.")
    max_files: Dynamic[PositiveInt] = Field(default=25, description="At most so many objects at a time.")

    @property
    def as_files(self) -> dict[str, Any]:
        """The same of files in a folder. Which objects are meant, whoever lists them says."""
        return {
            "from": self.prefix or "",
            "recursive": True,
            "maxFiles": self.max_files,
            "action": self.action,
            "moveDirectory": self._move_directory,
        }

    @property
    def _move_directory(self) -> str | None:
        """Where MOVE puts objects; in another bucket as its URL."""
        if self.move_to is None:
            return None
        is_elsewhere = self.move_to.bucket is not None and self.move_to.bucket != self.bucket
        return f"s3://{self.move_to.bucket}/{self.move_to.key}" if is_elsewhere else self.move_to.key


class List(Listing):
    """Lists objects of a bucket."""

    max_files: Dynamic[PositiveInt] = Field(default=25, description="At most so many are given.")


class Download(Selecting):
    """Stores an object in internal storage, or those that a prefix, delimiter or pattern chooses."""

    key: Dynamic[Text] | None = Field(default=None, description="The key of one object.")
    version_id: Dynamic[Text] | None = Field(default=None, description="A version of it; default: the newest.")
    max_files: Dynamic[PositiveInt] = Field(default=25, description="At most so many objects.")


class Downloads(Taking):
    """Stores objects of a bucket in internal storage."""


class Upload(InBucket):
    """Puts stored files into a bucket."""

    from_: Dynamic[Texts | Text] = Field(alias="from", description="URI of the file, or a list of them.")
    key: Dynamic[Text] = Field(description="Key of the object; of several files: the folder they go to.")
    metadata: Dynamic[dict[str, Text]] | None = Field(default=None, description="Metadata of one's own.")
    tagging: Dynamic[dict[str, Text]] | None = Field(default=None, description="Tags.")
    cache_control: Dynamic[Text] | None = Field(default=None, description="Header Cache-Control.")
    content_type: Dynamic[Text] | None = Field(default=None, description="Header Content-Type.")
    content_encoding: Dynamic[Text] | None = Field(default=None, description="Header Content-Encoding.")
    content_disposition: Dynamic[Text] | None = Field(default=None, description="Header Content-Disposition.")
    content_language: Dynamic[Text] | None = Field(default=None, description="Header Content-Language.")
    content_length: Dynamic[int] | None = Field(default=None, description="Accepted: the size is known.")
    storage_class: Dynamic[Text] | None = Field(default=None, description="Storage class, as STANDARD_IA.")
    server_side_encryption: Dynamic[Encryption] | None = Field(default=None, description="How it is encrypted there.")
    kms_key_id: Dynamic[Text] | None = Field(default=None, description="Key of the key service, for `AWS_KMS`.")
    bucket_key_enabled: Dynamic[bool] | None = Field(default=None, description="Use a bucket key with the key service.")


class Copy(Connection):
    """Copies an object, within a bucket or to another."""

    from_: Dynamic[Origin] = Field(alias="from", description="The object.")
    to: Dynamic[Target] | None = Field(default=None, description="Where it is copied to.")
    delete: Dynamic[bool] = Field(default=False, description="Delete it where it was: a move.")


class Delete(InBucket):
    """Deletes an object."""

    key: Dynamic[Text] = Field(description="Its key.")


class DeleteList(Listing):
    """Deletes objects of a bucket."""

    concurrent: Dynamic[int] | None = Field(default=None, ge=2, description="Accepted: many go at a time.")
    error_on_empty: Dynamic[bool] = Field(default=False, description="Finding none is an error.")


class Trigger(Taking):
    """Looks for objects of a bucket again and again; fires for those that are new or changed."""

    interval: Span = Field(default="PT60S", validate_default=True, description="Time between two looks.")
    on: Dynamic[Literal["CREATE", "UPDATE", "CREATE_OR_UPDATE"]] = Field(
        default="CREATE_OR_UPDATE", description="Fire for objects that are new, for those that changed, or for both."
    )
    state_key: Text | None = Field(
        default=None,
        description="Name in the namespace under which given objects are remembered; triggers of one name share them.",
    )
    state_ttl: Dynamic[Span] | None = Field(
        default=None, description="How long a given object is remembered; then it is new again."
    )

    @property
    def watching(self) -> Watching:
        """The same of files in a folder. `maxKeys` bounds how many are given, not how many are looked at: else those
        behind the first would never have their turn."""
        most = min(self.max_files, self.max_keys)
        return Watching.of_rendered({**self.as_files, "maxFiles": most, "on": self.on, "stateTtl": self.state_ttl})


TYPES: Final[Mapping[str, type[Spec]]] = {
    "aws.s3.CreateBucket": CreateBucket,
    "aws.s3.List": List,
    "aws.s3.Download": Download,
    "aws.s3.Downloads": Downloads,
    "aws.s3.Upload": Upload,
    "aws.s3.Copy": Copy,
    "aws.s3.Delete": Delete,
    "aws.s3.DeleteList": DeleteList,
    "aws.s3.Trigger": Trigger,
}
