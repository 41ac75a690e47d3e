"""dvc.yaml declares the code that each stage imports, by folder, and nothing else."""

import ast
from pathlib import Path

import grimp
import pytest
import yaml

PACKAGES = ("agegender", "portraits", "stages")
STAGES = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"]
GRAPH = grimp.build_graph(*PACKAGES, cache_dir=None)


def lies_in(module: str, dependency: str) -> bool:
    return f"{module.replace('.', '/')}/".startswith(f"{dependency.removesuffix('.py')}/")


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_declares_the_folders_of_what_it_imports(stage: str) -> None:
    script = STAGES[stage]["cmd"].split()[2]
    modules = {script} | GRAPH.find_upstream_modules(script)
    code = [path for path in STAGES[stage]["deps"] if path.split("/")[0] in PACKAGES]
    undeclared = {m for m in modules if not any(lies_in(m, path) for path in code)}
    # Packages above a declared folder, see the next test.
    assert {m for m in undeclared if not Path(*m.split("."), "__init__.py").exists()} == set()
    assert [path for path in code if not any(lies_in(m, path) for m in modules)] == []
    assert [path for path in code if path.endswith(".py")] == [f"stages/{script[7:]}.py"]


def test_packages_hold_their_code_in_modules() -> None:
    # A package's __init__ need not be declared, so nothing stands there but what it is for.
    # stages/ has more: it starts a stage's process.
    for package in ("agegender", "portraits", "stages"):
        for path in Path(package).rglob("__init__.py"):
            if path.parent != Path("stages"):
                body = ast.parse(path.read_text(encoding="utf-8")).body
                assert len(body) == 1 and isinstance(body[0], ast.Expr), path


def test_a_change_reruns_what_it_can_change_and_no_more() -> None:
    def reruns(folder: str) -> set[str]:
        return {stage for stage, block in STAGES.items() if folder in block["deps"]}

    trainings = {"train_custom", "train_vgg16"}
    assert reruns("agegender/report") == {"report"}
    assert reruns("agegender/analysis").isdisjoint(trainings | {"embed_vgg16"})
    assert reruns("stages/training") == trainings
    assert "embed_vgg16" not in reruns("agegender/evaluation")
    assert reruns("agegender/training") == trainings
    assert reruns("agegender/custom") == {"train_custom"}
    assert reruns("agegender/vgg16") == {"train_vgg16"}
    assert reruns("agegender/vgg16/frozen") == {"embed_vgg16"}
