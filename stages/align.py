"""Find eyes, nose and mouth in the training photos: the template by which others are cropped."""

import shutil
from pathlib import Path

import numpy as np

from agegender.common.files import atomic_write
from agegender.common.progress import progress_bar
from agegender.faces.parameters import Align
from agegender.faces.template import FILE, write_template
from agegender.photos.photos import read_photos
from agegender.preparation.preprocessing import shuffled, squares
from stages.common import process
from stages.common.stage import parameters, record_time, run

RAW = Path("data/raw")
TRAINING = Path("data/split/train.csv")
YUNET = Path("data/yunet/yunet.onnx")
MODELS = Path("models")


def main() -> None:
    declared = parameters("align")
    options = declared.section("align", Align)
    # Here, since the processes that decode import this module as well: they need no TensorFlow.
    process.imports_begin()
    from agegender.faces.detection import Detector
    from agegender.faces.measuring import SIZE, draw, measure
    from agegender.networks.device import enable_determinism

    process.imports_done()

    enable_determinism(declared["seed"])
    files = shuffled(read_photos(TRAINING), declared["seed"])["file"][: options.photos]
    decoded = squares((f"{RAW}/{file}" for file in files), SIZE)
    photos = progress_bar(decoded, desc="finding faces", unit="photos", total=len(files))
    pixels = (np.frombuffer(each, np.uint8).reshape(SIZE, SIZE, 3) for each in photos)
    template, mean = measure(pixels, Detector(YUNET))

    with atomic_write(MODELS / "template.jpg") as path:
        draw(template, mean).save(path, "JPEG", quality=90)
    # The template is of this detector's landmarks, so they stay together.
    shutil.copyfile(YUNET, MODELS / YUNET.name)
    write_template(MODELS / FILE, template)
    print(f"exactly one face in {template.one_face:.1%} of {template.photos} training photos")
    record_time("align", MODELS / FILE)


if __name__ == "__main__":
    run(main)
