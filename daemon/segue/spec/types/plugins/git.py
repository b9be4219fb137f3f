"""Properties of the tasks on Git repositories."""

from collections.abc import Mapping
from typing import Final

from pydantic import Field

from segue.spec.fields import Dynamic, PositiveInt, Spec, Text, TextOrTexts, Values


class Remote(Spec):
    """A repository, and who asks it."""

    username: Dynamic[Text] | None = Field(default=None, description="User, over HTTPS.")
    password: Dynamic[Text] | None = Field(default=None, description="Password or token, over HTTPS.")
    private_key: Dynamic[Text] | None = Field(default=None, description="Private key, over SSH.")
    passphrase: Dynamic[Text] | None = Field(default=None, description="What the private key is encrypted with.")


class Clone(Remote):
    """Clones a repository into the working directory."""

    url: Dynamic[Text] = Field(description="Address of the repository.")
    branch: Dynamic[Text] | None = Field(default=None, description="Branch to check out; default: the repository's.")
    tag: Dynamic[Text] | None = Field(default=None, description="Tag to check out.")
    commit: Dynamic[Text] | None = Field(default=None, description="Commit to check out.")
    depth: Dynamic[PositiveInt] = Field(default=1, description="How many commits of its history to fetch.")
    directory: Dynamic[Text] | None = Field(
        default=None, description="Folder to clone into, below the working directory."
    )
    clone_submodules: Dynamic[bool] = Field(default=False, description="Submodules too.")


class Author(Spec):
    """Who a commit is by."""

    name: Dynamic[Text] | None = Field(default=None, description="Name.")
    email: Dynamic[Text] | None = Field(default=None, description="E-mail address.")


class Pushed(Remote):
    """A commit that is pushed."""

    branch: Dynamic[Text] = Field(default="main", description="Branch to push to; it is made if it is not there.")
    commit_message: Dynamic[Text] | None = Field(default=None, description="Message of the commit.")
    author: Author | None = Field(default=None, description="Who the commit is by.")
    author_name: Dynamic[Text] | None = Field(default=None, description="Name of who the commit is by.")
    author_email: Dynamic[Text] | None = Field(default=None, description="E-mail address of who the commit is by.")


class Push(Pushed):
    """Commits files and pushes them. Without a clone in the folder, the branch is cloned first."""

    url: Dynamic[Text] | None = Field(default=None, description="Address; default: that of the clone in the folder.")
    directory: Dynamic[Text] | None = Field(
        default=None, description="Folder of the clone, below the working directory."
    )
    input_files: Dynamic[Values] | None = Field(default=None, description="Files to write before: name -> text or URI.")
    add_files_pattern: Dynamic[TextOrTexts] = Field(default=["."], description="What to commit, as `git add` has it.")


class PushNamespaceFiles(Pushed):
    """Commits the files of a namespace to another repository or branch, and pushes them."""

    url: Dynamic[Text] = Field(description="Address of the repository.")
    namespace: Dynamic[Text] | None = Field(default=None, description="The namespace; default: that of the flow.")
    files: Dynamic[TextOrTexts] = Field(default=["**"], description="Globs of the files.")
    git_directory: Dynamic[Text] = Field(default="_files", description="Folder in the repository.")
    delete: Dynamic[bool] = Field(default=True, description="Delete files there that the namespace has not.")
    dry_run: Dynamic[bool] = Field(default=False, description="Only tell what would change.")


TYPES: Final[Mapping[str, type[Spec]]] = {
    "git.Clone": Clone,
    "git.Push": Push,
    "git.PushNamespaceFiles": PushNamespaceFiles,
}
