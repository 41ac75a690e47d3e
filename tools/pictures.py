"""Take the pictures of docs/images from the report and the plots of a default run."""

import io
import json
import shutil
import subprocess
from pathlib import Path

import vl_convert
from PIL import Image
from playwright.sync_api import FloatRect, Page, sync_playwright

IMAGES = Path("docs/images")
PLOTS = ["learning_curve_gender_accuracy", "roc", "cumulative_score"]


def save(name: str, picture: Image.Image) -> None:
    """Write a picture as ``name``; a PNG with 256 colors, which is a quarter of the size."""
    picture = picture.convert("RGB")
    if name.endswith(".png"):
        picture = picture.quantize(256)
    picture.save(IMAGES / name, optimize=True, quality=88)


def opened(png: bytes) -> Image.Image:
    """The picture that these bytes hold."""
    return Image.open(io.BytesIO(png))


def take_report(page: Page) -> None:
    """Pictures of the report: its top, the gallery and a figure."""
    page.goto(Path("report/index.html").resolve().as_uri())
    if "portraits are drawn by a program" not in page.content():
        raise SystemExit("error: report/index.html shows photos of people; run `make repro` first")
    save("report.png", opened(page.screenshot()))
    # Two rows of the gallery, in one picture with their headings.
    top, bottom = (page.locator("#vgg16 .gallery").nth(row).bounding_box() for row in (0, 1))
    assert top and bottom
    first, last = top["y"] - 40, bottom["y"] + bottom["height"] + 10
    clip: FloatRect = {"x": 10, "y": first, "width": 740, "height": last - first}
    save("gallery.jpg", opened(page.screenshot(full_page=True, clip=clip)))
    save("groups.png", opened(page.locator("#comparison figure").nth(2).screenshot()))


def draw_plots() -> None:
    """A row of figures as `dvc plots show` draws them."""
    command = ["dvc", "plots", "show", "--json", *PLOTS]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    plots = json.loads(shown[shown.index("{") :])["data"]
    drawn = [opened(vl_convert.vegalite_to_png(plots[name][0]["content"])) for name in PLOTS]
    width, height = sum(each.width for each in drawn), max(each.height for each in drawn)
    sheet, x = Image.new("RGB", (width, height), "white"), 0
    for each in drawn:
        sheet.paste(each, (x, 0))
        x += each.width
    save("plots.png", sheet)


def main() -> None:
    """Take them all."""
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        take_report(browser.new_page(viewport={"width": 1000, "height": 720}))
        browser.close()
    draw_plots()


if __name__ == "__main__":
    main()
