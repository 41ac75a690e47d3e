"""The report and DVC's plots in real pictures: a browser loads them, Vega draws them."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import vl_convert
from playwright.sync_api import Browser, Page

from tests.clones import Clone
from tests.conftest import Reproduced

# What a reader would complain of on an open page, one line each.
_FAULTS = Path(__file__).with_name("faults.js").read_text(encoding="utf-8")
# Each is a fault, and what is said of it.
BROKEN = {
    '<script>console.error("oh")</script>': "oh",
    '<script>throw new Error("ah")</script>': "ah",
    '<img src="none.png" alt="none">': "none.png",
    '<img src="http://127.0.0.1:9/far.png" alt="far">': "far.png",
    '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" alt="">': "no alternative text",
    '<figure><div role="img"><svg viewBox="0 0 9 9"></svg></div></figure>': "draws nothing",
    '<div style="width: 3000px">wide</div>': "scrolls sideways",
    '<p style="color: #eee">pale</p>': "hard to read: pale",
}


def look(
    browser: Browser, report: Path, width: int = 1280, colours: Any = "light"
) -> tuple[Page, list[str]]:
    """Open the report at this width in light or dark: the page, and what is wrong with it."""
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=colours)
    faults: list[str] = []
    page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("requestfailed", lambda request: faults.append(f"failed: {request.url}"))
    page.on(
        "request",
        lambda request: faults.append(request.url) if request.url.startswith("http") else None,
    )
    page.goto(report.as_uri())
    page.wait_for_load_state("networkidle")
    return page, faults + page.evaluate(_FAULTS)


@pytest.mark.parametrize(("width", "colours"), [(1280, "light"), (390, "dark")])
def test_the_report_has_no_faults(
    reproduced: Reproduced, browser: Browser, width: int, colours: str
) -> None:
    page, faults = look(browser, reproduced.clone.path / "report/index.html", width, colours)
    assert faults == []
    assert page.locator("figure svg").count() >= 15
    assert page.locator(".gallery:not(.maps) img").count() >= 6
    assert page.locator(".maps img").count() == 4
    text = page.inner_text("body").replace("\u200b", "")
    for model in ("custom", "vgg16"):
        metrics = json.loads((reproduced.clone.path / f"metrics/{model}.json").read_text())
        assert f"{metrics['age']['mae']:.2f}" in text
        assert f"{100 * metrics['gender']['accuracy']:.1f}" in text
    assert "14,714,688 frozen" in text
    assert len(re.findall(r"s per epoch, .* in all", text)) == 2
    # Every parameter has its value and its comment.
    assert re.search(r"preprocess\.shard_records\s+photos [^\n]+\s+256", text)
    # Of every k, both models' share and the difference, each with its interval.
    table = page.locator("table", has=page.locator("caption", has_text="CS@k, the share"))
    assert table.locator("tbody small").count() == 3 * 16
    page.close()


def test_faults_are_found(reproduced: Reproduced, browser: Browser, tmp_path: Path) -> None:
    shutil.copytree(reproduced.clone.path / "report", tmp_path / "report")
    page = tmp_path / "report/index.html"
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace("</main>", "".join(BROKEN) + "</main>"), encoding="utf-8")
    opened, faults = look(browser, page, 390)
    opened.close()
    for complaint in BROKEN.values():
        assert any(complaint in fault for fault in faults), complaint


def test_tables_sort_by_a_click(reproduced: Reproduced, browser: Browser) -> None:
    page, _ = look(browser, reproduced.clone.path / "report/index.html")
    table = page.locator("table.sortable", has=page.locator("caption", has_text="MAE by group"))

    def column(number: int) -> list[str]:
        return table.locator(f"tbody tr > :nth-child({number})").all_inner_texts()

    before = column(1)
    table.get_by_role("button", name="Photos").click()
    photos = [int(text) for text in column(2)]
    assert photos == sorted(photos) and column(1) != before
    assert table.locator("th[aria-sort=ascending]").inner_text() == "Photos"
    table.get_by_role("button", name="Photos").click()
    assert [int(text) for text in column(2)] == photos[::-1]
    table.get_by_role("button", name="VGG16").click()
    errors = [float(text.split()[0]) for text in column(4)]
    assert errors == sorted(errors)
    page.close()


def test_times_are_shown_only_if_they_are_of_this_run(
    reproduced: Reproduced, browser: Browser, tmp_path: Path
) -> None:
    shutil.copytree(reproduced.clone.path / "report", tmp_path / "report")
    times = tmp_path / "report/timings.js"
    text = times.read_text()
    times.unlink()
    page, faults = look(browser, tmp_path / "report/index.html")
    # The one file that may be missing.
    assert faults and all("timings.js" in each or "ERR_FILE_NOT_FOUND" in each for each in faults)
    times.write_text(re.sub('"key": "....', '"key": "0000', text))
    other, faults = look(browser, tmp_path / "report/index.html")
    assert faults == []
    for each in (page, other):
        assert " per epoch, " not in each.inner_text("body")
        assert each.locator("#untimed").is_visible()
        each.close()


def test_all_of_the_report_is_printed(
    reproduced: Reproduced, browser: Browser, tmp_path: Path
) -> None:
    page, _ = look(browser, reproduced.clone.path / "report/index.html", colours="dark")
    assert page.locator("details:not([open])").count() >= 4
    page.pdf(path=tmp_path / "report.pdf", prefer_css_page_size=True)
    assert page.locator("details:not([open])").count() == 0
    page.emulate_media(media="print")
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == "rgb(255, 255, 255)"
    page.close()


# The structure and the objective of recipes/best.yaml, as small as they go.
def test_gender_alone_has_a_report(
    reproduced: Reproduced, browser: Browser, tmp_path: Path
) -> None:
    # As after a training of it: the stage reads no more than these files.
    clone = reproduced.copy(tmp_path)
    clone.set_parameters(tasks=["gender"])
    for model in ("custom", "vgg16"):
        path = clone.path / f"metrics/{model}.json"
        metrics = json.loads(path.read_text())
        del metrics["age"], metrics["baseline"]["age"]
        path.write_text(json.dumps(metrics))
        path = clone.path / f"predictions/{model}.csv"
        table = pd.read_csv(path)
        table.loc[:, ~table.columns.str.startswith("age_")].to_csv(path, index=False)
        for path in (clone.path / "plots").glob(f"**/{model}/**/age*"):
            path.unlink()
        (clone.path / f"plots/{model}/cumulative.csv").unlink()
    clone.run("python", "-m", "stages.report")
    page, faults = look(browser, clone.path / "report/index.html")
    assert faults == []
    text = page.inner_text("main")
    assert "AUC" in text and "MAE" not in text.rpartition("Parameters")[0]
    page.close()


def test_every_plot_of_dvc_can_be_read(
    reproduced: Reproduced, browser: Browser, tmp_path: Path
) -> None:
    clone = reproduced.copy(tmp_path)
    page = browser.new_page()
    shown = dvc_plots(clone, "show")
    assert len(shown) == 14
    for name, plot in shown.items():
        assert plot_faults(page, plot, ["Custom CNN", "VGG16"]) == [], name
    for path in (clone.path / "plots/vgg16").glob("*.csv"):
        table = pd.read_csv(path)
        table.iloc[:-1].to_csv(path, index=False)
    for name, plot in dvc_plots(clone, "diff", "HEAD").items():
        names = ["Custom CNN", "VGG16", "HEAD", "workspace"]
        assert plot_faults(page, plot, names) == [], name
    # What is looked for is found.
    confusion = shown["confusion"]
    crowded = {**confusion, "spec": {**confusion["spec"], "width": 60}}
    faults = plot_faults(page, crowded, ["HEAD"])
    assert "nothing is named HEAD" in faults and any("lies over" in fault for fault in faults)
    page.close()


def dvc_plots(clone: Clone, *command: str) -> dict[str, dict[str, Any]]:
    """The specifications of ``dvc plots``, by name."""
    printed = clone.dvc("plots", *command, "--json")
    plots = json.loads(printed[printed.index("{") :])["data"]
    return {name: variants[0]["content"] for name, variants in plots.items() if variants}


def plot_faults(page: Page, specification: dict[str, Any], wanted: list[str]) -> list[str]:
    """What is wrong with a picture that Vega draws, looked at on ``page``."""
    page.set_content(vl_convert.vegalite_to_svg(specification))
    faults: list[str] = page.evaluate(_FAULTS)
    text = " ".join(page.locator("text").all_text_contents())
    return faults + [f"nothing is named {name}" for name in wanted if name not in text]
