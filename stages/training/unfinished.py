"""Where a stage keeps unfinished work: a folder that belongs to exactly its inputs."""

import hashlib
import json
import platform
from pathlib import Path

from dvc.dependency import ParamsDependency
from dvc.repo import Repo

from stages.common.stage import Parameters, project_root


def folder(stage: str, declared: Parameters) -> Path:
    """The folder for unfinished work of ``stage`` with the inputs that it has now.

    Its name is a hash of all that dvc.yaml declares for the stage: DVC's hashes of the
    dependencies, code among them, which it has at hand, and the parameters, package versions
    among them. Work done with other inputs so lies in another folder.
    """
    with Repo() as repo:
        inputs = {
            dependency.def_path: dependency.get_hash().value
            for dependency in repo.stage.load_one(name=stage).deps
            if not isinstance(dependency, ParamsDependency)
        }
    described = json.dumps([inputs, declared.values, platform.machine()], sort_keys=True)
    return project_root() / "progress" / stage / hashlib.sha256(described.encode()).hexdigest()[:16]
