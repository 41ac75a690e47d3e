"""What a stage imports, and nothing else, is among its dependencies in dvc.yaml."""

import ast

import pytest

from tools import versions
from tools.clones import ROOT, Clone
from tools.dependencies import PACKAGES, Imports, update

DYNAMIC = {"__import__", "import_module", "run_module", "run_path", "exec", "eval"}


def test_dvc_yaml_names_exactly_what_the_stages_import() -> None:
    text, changes = update((ROOT / "dvc.yaml").read_text(), Imports())
    assert not changes, "run `make deps`, or edit dvc.yaml:\n" + "\n".join(changes)
    assert text == (ROOT / "dvc.yaml").read_text(), "run `make deps` to put them in order"


def test_versions_yaml_agrees_with_requirements_txt() -> None:
    wanted = versions.versions(
        (ROOT / "requirements.txt").read_text(), (ROOT / "dvc.yaml").read_text()
    )
    assert (ROOT / "versions.yaml").read_text() == wanted, "run `make deps`"


def test_every_direct_requirement_is_pinned() -> None:
    pinned = versions.pins((ROOT / "requirements.txt").read_text())
    direct = {
        line.split(">=")[0].replace(".", "-")
        for line in (ROOT / "requirements.in").read_text().splitlines()
        if line and not line.startswith("#")
    }
    assert direct <= pinned.keys()


def test_pins_join_what_differs_between_pythons() -> None:
    text = (
        "# a comment\nnumpy==2.4.6 ; python_full_version < '3.12'\n"
        "numpy==2.5.5 ; python_full_version >= '3.12'\nruff==0.17.6\n"
    )
    assert versions.pins(text) == {
        "numpy": "2.4.6 ; python_full_version < '3.12' | 2.5.5 ; python_full_version >= '3.12'",
        "ruff": "0.17.6",
    }


def test_a_package_without_a_pin_is_named() -> None:
    pipeline = "stages: {a: {cmd: x, params: [versions.yaml: [numpy]]}}"
    with pytest.raises(SystemExit, match="numpy"):
        versions.versions("ruff==1\n", pipeline)


def test_a_missing_import_and_one_too_many_are_told_by_line(project: Clone) -> None:
    project.edit("stages/split.py", "", "import agegender.extra\n")
    (project.path / "agegender/extra").mkdir()
    (project.path / "agegender/extra/__init__.py").write_text("def f():\n    from . import deep\n")
    (project.path / "agegender/extra/deep.py").write_text("import networkx\n")
    (project.path / "agegender/extra/page.html").write_text("<p>")
    project.edit("dvc.yaml", "    - stages/split.py\n", "    - stages/merge.py\n")
    printed = project.run("python", "-m", "tools.dependencies", fails=True)
    assert set(printed.splitlines()) == {
        "split: deps: add    - agegender/extra/__init__.py",
        "split: deps: add    - agegender/extra/deep.py",
        "split: deps: add    - agegender/extra/page.html",
        "split: deps: add    - stages/split.py",
        "split: deps: remove - stages/merge.py",
        "split: params: versions.yaml: add    - networkx",
        "run `make deps` to write them",
    }


def test_writing_leaves_nothing_to_write_and_the_data_and_comments_alone(project: Clone) -> None:
    before = (project.path / "dvc.yaml").read_text()
    project.edit("dvc.yaml", "    - stages/split.py\n", "")
    project.run("python", "-m", "tools.dependencies", "--write")
    assert (project.path / "dvc.yaml").read_text() == before


def test_no_import_hides_from_the_graph() -> None:
    hidden = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and _called(node) in DYNAMIC
    ]
    assert hidden == [], "imported under a name that only the run knows"


def _called(call: ast.Call) -> str | None:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return None


def test_nothing_is_unpickled_and_no_shell_is_asked() -> None:
    modules = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
    names = {"os.system", "os.popen", "subprocess.getoutput", "pd.read_pickle", "yaml.load"}
    names |= {"yaml.unsafe_load", "yaml.full_load", "keras.config.enable_unsafe_deserialization"}
    unsafe = {("shell", True), ("allow_pickle", True), ("safe_mode", False)}
    found = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    imported = {alias.name for alias in node.names}
                    imported |= {getattr(node, "module", None) or ""}
                    bad = modules & {name.split(".")[0] for name in imported}
                elif isinstance(node, ast.Attribute):
                    bad = {ast.unparse(node)} & names
                elif isinstance(node, ast.keyword) and isinstance(node.value, ast.Constant):
                    bad = {node.arg or ""} if (node.arg, node.value.value) in unsafe else set()
                elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("load_model"):
                    safe = {ast.unparse(keyword) for keyword in node.keywords}
                    bad = set() if "safe_mode=True" in safe else {"load_model"}
                else:
                    bad = set()
                found += [f"{path.name}: {name}" for name in bad]
    assert not found
