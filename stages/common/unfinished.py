"""Unfinished work of a stage, which belongs to exactly its inputs."""

import hashlib
import json
import platform

from dvc.dependency import ParamsDependency
from dvc.repo import Repo

from stages.common.stage import Parameters


def key(stage: str, declared: Parameters) -> str:
    """A name for the inputs that ``stage`` has now, for `resumable_folder`.

    It is a hash of all that dvc.yaml declares for the stage: DVC's hashes of the dependencies, code
    among them, which it has at hand, and the parameters, package versions among them.
    """
    with Repo() as repo:
        inputs = {
            dependency.def_path: dependency.get_hash().value
            for dependency in repo.stage.load_one(name=stage).deps
            if not isinstance(dependency, ParamsDependency)
        }
    described = json.dumps([inputs, declared.values, platform.machine()], sort_keys=True)
    return hashlib.sha256(described.encode()).hexdigest()[:16]
