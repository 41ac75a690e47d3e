"""Clones of the project with caches of their own, in which commands run as on a fresh machine."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq

ROOT = Path(__file__).resolve().parent.parent


class Clone:
    """A clone of the project; ``path`` is its folder."""

    def __init__(self, path: Path, home: Path) -> None:
        self.path = path
        # Whatever git or DVC is told elsewhere on this machine holds for no clone.
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("DVC_", "GIT_", "DVCLIVE_"))
        }
        self.env = inherited | {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / "config"),
            "DVC_SITE_CACHE_DIR": str(home / "site"),
            "DVC_NO_ANALYTICS": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        # The package index is the machine's, wherever home is.
        if "PIP_CONFIG_FILE" not in inherited and (file := _pip_configuration()):
            self.env["PIP_CONFIG_FILE"] = str(file)

    @classmethod
    def of_head(cls, folder: Path) -> "Clone":
        """A clone of the last commit, made in ``folder``."""
        clone = cls._prepare(folder)
        clone.run("git", "clone", "--quiet", "--no-local", str(ROOT), ".")
        clone._identify()
        return clone

    @classmethod
    def of_working_tree(cls, folder: Path) -> "Clone":
        """A repository in ``folder`` with one commit: all that git sees in the working tree."""
        clone = cls._prepare(folder)
        listing = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
        for name in listing.stdout.split("\0"):
            # Git also lists what has been deleted and not yet committed.
            if name and (ROOT / name).is_file():
                (clone.path / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, clone.path / name)
        clone.run("git", "init", "--quiet", "--initial-branch=main")
        clone._identify()
        clone.commit("Clone")
        return clone

    @classmethod
    def _prepare(cls, folder: Path) -> "Clone":
        home = folder / "home"
        home.mkdir(parents=True)
        (folder / "project").mkdir()
        return cls(folder / "project", home)

    def _identify(self) -> None:
        self.run("git", "config", "user.name", "A. Person")
        self.run("git", "config", "user.email", "person@example.org")

    def commit(self, message: str) -> None:
        """Commit everything that git sees."""
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", message)

    def run(self, *command: str, fails: bool = False) -> str:
        """Run a command in the clone and return what it printed, stdout and stderr together.

        Raises:
            RuntimeError: it failed, or with ``fails`` it did not; with all that it printed.
        """
        done = subprocess.run(
            command,
            cwd=self.path,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        if (done.returncode != 0) != fails:
            raise RuntimeError(
                f"{' '.join(command)} ended with status {done.returncode}:\n{done.stdout}"
            )
        return done.stdout

    def dvc(self, *arguments: str, fails: bool = False) -> str:
        """Run ``dvc`` with these arguments; see ``run``."""
        return self.run("dvc", *arguments, fails=fails)

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace the first ``old`` in the file ``name`` of the clone.

        Raises:
            ValueError: there is none.
        """
        text = (self.path / name).read_text()
        if old not in text:
            raise ValueError(f"{name} does not hold {old!r}")
        (self.path / name).write_text(text.replace(old, new, 1))

    def set_parameters(self, **values: object) -> None:
        """Write these into params.yaml, a section's parameters as ``section={"name": value}``.

        What they do not name stays as it is, at every depth.
        """
        yaml = YAML()
        path = self.path / "params.yaml"
        document = yaml.load(path)
        _merge(document, values)
        yaml.dump(document, path)


def _merge(document: MutableMapping[str, Any], values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if isinstance(value, Mapping):
            _merge(document[name], value)
        elif isinstance(value, list):
            # On the name's own line: what a list over several lines leaves behind when another
            # takes its place is no YAML.
            document[name] = CommentedSeq(value)
            document[name].fa.set_flow_style()
        else:
            document[name] = value


def _pip_configuration() -> Path | None:
    """The user's settings of pip, in the first place of pip's own that has any."""
    home = Path.home()
    configuration = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    places = (configuration / "pip/pip.conf", home / ".config/pip/pip.conf", home / ".pip/pip.conf")
    return next((place.absolute() for place in places if place.is_file()), None)
