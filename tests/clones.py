"""Clones of the project with caches of their own, in which commands run as on a fresh machine."""

import filecmp
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from dvc.utils.flatten import flatten
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq

ROOT = Path(__file__).resolve().parent.parent


class Clone:
    """A clone of the project; ``path`` is its folder."""

    def __init__(self, path: Path, home: Path) -> None:
        self.path = path
        # What git and DVC are configured to do on this machine does not apply to clones.
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("DVC_", "GIT_", "DVCLIVE_"))
        }
        self.env = inherited | {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "DVC_GLOBAL_CONFIG_DIR": str(home / "config"),
            "DVC_SYSTEM_CONFIG_DIR": str(home / "config"),
            "DVC_SITE_CACHE_DIR": str(home / "site"),
            "DVC_NO_ANALYTICS": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
        }

    @classmethod
    def of_working_tree(cls, folder: Path) -> "Clone":
        """A repository in ``folder`` with one commit: all that git sees in the working tree."""
        (folder / "home").mkdir(parents=True)
        clone = cls(folder / "project", folder / "home")
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
        clone.run("git", "config", "user.name", "A. Person")
        clone.run("git", "config", "user.email", "person@example.org")
        clone.commit("Clone")
        return clone

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

    def set_parameters(self, **values: object) -> None:
        """Write these into params.yaml, a section's parameters as ``section={"name": value}``.

        What they do not name stays as it is, at every depth.
        """
        editor = YAML()
        path = self.path / "params.yaml"
        document = editor.load(path)
        for name, value in flatten(values).items():
            *sections, key = name.split(".")
            place = document
            for section in sections:
                place = place[section]
            if isinstance(value, list):
                # On the name's own line, as it was.
                value = CommentedSeq(value)
                value.fa.set_flow_style()
            place[key] = value
        editor.dump(document, path)

    def forget(self, *stages: str) -> None:
        """Let DVC run these stages again."""
        shutil.rmtree(self.path / ".dvc/cache/runs")
        lock = self.path / "dvc.lock"
        document = yaml.safe_load(lock.read_text())
        for stage in stages:
            del document["stages"][stage]
        lock.write_text(yaml.safe_dump(document, sort_keys=False))

    def reproduce(self, **parameters: Any) -> None:
        """Run every stage, with these parameters other than the commit's."""
        self.set_parameters(**parameters)
        (self.path / "dvc.lock").unlink(missing_ok=True)
        self.dvc("repro")


def outputs(project: Path) -> list[str]:
    """Every file that the pipeline's stages wrote in the folder ``project``, sorted."""
    lock = yaml.safe_load((project / "dvc.lock").read_text(encoding="utf-8"))
    paths = [project / out["path"] for each in lock["stages"].values() for out in each["outs"]]
    files = {file for path in paths for file in (path, *path.rglob("*")) if file.is_file()}
    return sorted(str(file.relative_to(project)) for file in files)


def differences(first: Path, second: Path) -> list[str]:
    """The outputs in which two folders differ after the pipeline ran in each, byte by byte."""
    names = sorted({*outputs(first), *outputs(second)})
    _, different, missing = filecmp.cmpfiles(first, second, names, shallow=False)
    return sorted(different + missing)
