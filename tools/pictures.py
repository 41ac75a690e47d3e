"""Take the README's pictures anew, from the drawn portraits and their report: `make pictures`.

It needs the results of `dvc repro` at ``download.source=sample`` and a Chromium; of other photos
no picture is taken, since faces of people do not belong into the repository.
"""

import io
import json
import shutil
import subprocess
from pathlib import Path

import vl_convert
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

REPORT = Path("report/index.html")
PHOTOS = Path("data/raw")
PICTURES = Path("docs/images")
# What only the report of drawn portraits says.
DRAWN = "portraits that this project drew itself"
# Of the contact sheet: portraits a row, rows, pixels a side.
COLUMNS, ROWS, SIDE = 12, 4, 100
# Where an element stands on the page.
_BOX = "e => ({top: e.getBoundingClientRect().top, bottom: e.getBoundingClientRect().bottom})"
# Plots of `dvc plots show` that are set side by side.
PLOTS = ("learning_curve_gender_accuracy", "roc", "cumulative_score")


def contact_sheet() -> Image.Image:
    """Portraits from the youngest to the oldest."""
    files = sorted(PHOTOS.glob("*.jpg"), key=lambda path: (int(path.name.split("_")[0]), path.name))
    count = COLUMNS * ROWS
    sheet = Image.new("RGB", (COLUMNS * SIDE, ROWS * SIDE))
    for number in range(count):
        with Image.open(files[number * len(files) // count]) as photo:
            small = photo.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        sheet.paste(small, (number % COLUMNS * SIDE, number // COLUMNS * SIDE))
    return sheet


def screens(browser: Browser) -> dict[str, Image.Image]:
    """The report's first screen, its figures of both models, and its gallery on a phone."""
    address = REPORT.resolve().as_uri()
    wide = browser.new_page(viewport={"width": 1000, "height": 720})
    wide.goto(address)
    pictures = {"report": wide.screenshot()}
    figures = wide.locator("#comparison .figures figure")
    boxes = [figures.nth(number).evaluate(_BOX) for number in range(4)]
    top, bottom = boxes[0]["top"], max(box["bottom"] for box in boxes)
    pictures["comparison"] = wide.screenshot(
        full_page=True, clip={"x": 10, "y": top - 10, "width": 980, "height": bottom - top + 20}
    )
    phone = browser.new_page(viewport={"width": 390, "height": 720}, color_scheme="dark")
    phone.goto(address)
    top = phone.locator("#vgg16 h3", has_text="Photos").evaluate(_BOX)["top"]
    phone.evaluate("y => window.scrollTo({top: y, behavior: 'instant'})", top - 10)
    pictures["phone"] = phone.screenshot()
    return {name: Image.open(io.BytesIO(png)) for name, png in pictures.items()}


def plots() -> Image.Image:
    """Some plots of DVC's, side by side."""
    done = subprocess.run(
        ["dvc", "plots", "show", "--json", *PLOTS], check=True, capture_output=True, text=True
    )
    data = json.loads(done.stdout[done.stdout.index("{") :])["data"]
    drawn = [
        Image.open(io.BytesIO(vl_convert.vegalite_to_png(data[name][0]["content"])))
        for name in PLOTS
    ]
    gap = 16
    width = sum(each.width for each in drawn) + gap * (len(drawn) - 1)
    sheet = Image.new("RGB", (width, max(each.height for each in drawn)), "white")
    left = 0
    for each in drawn:
        sheet.paste(each, (left, 0))
        left += each.width + gap
    return sheet


def main() -> None:
    """Write every picture of the README."""
    if not REPORT.is_file() or DRAWN not in REPORT.read_text(encoding="utf-8"):
        raise SystemExit(
            f"error: {REPORT} is not of drawn portraits; set download.source to sample in "
            "params.yaml and run `dvc repro`"
        )
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if not found:
        raise SystemExit(f"error: a browser is missing: install one of {', '.join(names)}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        pictures = {"portraits": contact_sheet(), "plots": plots(), **screens(browser)}
        browser.close()
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures.items():
        # What is mostly faces is small as JPEG; of the others, 256 colours do.
        if name == "portraits":
            path = PICTURES / f"{name}.jpg"
            picture.save(path, quality=85, optimize=True)
        else:
            path = PICTURES / f"{name}.png"
            picture.convert("RGB").quantize(256).save(path, optimize=True)
        print(f"{path}: {picture.width} x {picture.height}, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
