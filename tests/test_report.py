"""The report and DVC's plots in real pictures: a browser loads them, Vega draws them."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import vl_convert
from playwright.sync_api import Browser, sync_playwright

from tests.conftest import Reproduced
from tools.clones import Clone


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium as the machine has it."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    assert found, f"these tests need a browser: install one of {', '.join(names)}"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield launched
        launched.close()


def look(browser: Browser, report: Path, width: int) -> dict[str, object]:
    """Open the report at this width: complaints, and what is on the page."""
    page = browser.new_page(viewport={"width": width, "height": 800})
    complaints: list[str] = []
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.append(request.url))
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(report.as_uri())
    seen = {
        "complaints": complaints,
        "requests": [url for url in requests if url.startswith("http")],
        "overflow": page.evaluate("document.documentElement.scrollWidth - window.innerWidth"),
        "figures": page.locator("figure svg, figure img").count(),
        "empty": page.evaluate(
            "[...document.querySelectorAll('figure svg, figure img, img')]"
            ".filter(e => e.getBoundingClientRect().width < 10 && e.closest('details') === null)"
            ".length"
        ),
        "text": page.inner_text("body"),
    }
    page.close()
    return seen


@pytest.mark.parametrize("width", [1280, 390])
def test_the_report_opens_without_complaint(
    reproduced: Reproduced, browser: Browser, width: int
) -> None:
    report = reproduced.clone.path / "report/index.html"
    seen = look(browser, report, width)
    assert seen["complaints"] == []
    assert seen["requests"] == []
    assert seen["overflow"] == 0
    assert isinstance(seen["figures"], int) and seen["figures"] >= 10
    assert seen["empty"] == 0
    metrics = json.loads((reproduced.clone.path / "metrics/vgg16.json").read_text())
    assert f"{metrics['age']['mae']:.2f}" in str(seen["text"])
    assert "s an epoch" in str(seen["text"])


def test_one_task_and_one_epoch_have_a_report(
    reproduced: Reproduced, browser: Browser, tmp_path: Path
) -> None:
    clone = reproduced.copy(tmp_path)
    clone.set_parameters(tasks=["age"], train_custom={"epochs": 1}, train_vgg16={"epochs": 1})
    clone.dvc("repro")
    seen = look(browser, clone.path / "report/index.html", 390)
    assert seen["complaints"] == [] and seen["overflow"] == 0
    assert "AUC" not in str(seen["text"])
    assert draws_every_plot(clone, "show", absent="gender|roc|confusion|reliability") >= 5


def draws_every_plot(clone: Clone, *command: str, absent: str = "$^") -> int:
    """Draw all plots of ``dvc plots`` but those of ``absent`` names; how many have data: all."""
    printed = clone.dvc("plots", *command, "--json")
    plots = json.loads(printed[printed.index("{") :])
    errors = [error["name"] for error in plots.get("errors", [])]
    assert all(re.search(absent, name) for name in errors), errors
    drawn = 0
    for name, variants in plots["data"].items():
        if re.search(absent, name):
            continue
        for variant in variants:
            specification = variant["content"]
            assert specification["data"]["values"], f"{name} has no data"
            svg = vl_convert.vegalite_to_svg(specification)
            marks = re.findall(r'aria-roledescription="[^"]*(?:mark|point|bar|rect)[^"]*"', svg)
            assert marks, f"{name} draws nothing"
            drawn += 1
    return drawn


def test_every_plot_of_dvc_has_data(reproduced: Reproduced, tmp_path: Path) -> None:
    clone = reproduced.copy(tmp_path)
    assert draws_every_plot(clone, "show") >= 12
    clone.dvc("exp", "run", "-S", "train_vgg16.dropout=0.1")
    assert draws_every_plot(clone, "diff", "HEAD") >= 12
