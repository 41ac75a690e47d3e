"""Where a stage keeps unfinished work: a folder that belongs to exactly its inputs."""

import hashlib
import json
import platform
from pathlib import Path

import yaml

from agegender.common.files import sha256
from stages.common.stage import Parameters, project_root


def folder(stage: str, declared: Parameters) -> Path:
    """The folder for unfinished work of ``stage`` with the inputs that it has now.

    Its name is a hash over all that dvc.yaml declares for the stage: the bytes of its dependencies,
    code among them, and its parameters, package versions among them. Work done with other inputs
    so lies in another folder.
    """
    block = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"][stage]
    digest = hashlib.sha256()
    digest.update(json.dumps([declared.values, platform.machine()], sort_keys=True).encode())
    for dependency in block["deps"]:
        path = Path(dependency)
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file.is_file():
                digest.update(f"{file.as_posix()}\0{sha256(file)}\0".encode())
    return project_root() / "progress" / stage / digest.hexdigest()[:16]
