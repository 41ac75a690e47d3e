"""Run VGG16's frozen layers once on all views of the photos to learn from, and on validation's."""

import json
import shutil
from pathlib import Path

from agegender.common.console import say
from agegender.common.files import sha256
from agegender.networks import precision
from agegender.networks.batches import Change
from agegender.networks.progress import Progress
from agegender.photos.records import verify
from agegender.vgg16.frozen import backbone as vgg16_base
from agegender.vgg16.frozen.embedding import as_it_is, embed, saved_photos, views
from agegender.vgg16.frozen.parameters import EmbedVgg16
from stages.common.stage import parameters, record_time, run, when_interrupted
from stages.training import unfinished

TFRECORDS = Path("data/tfrecords")
WEIGHTS = Path("data/vgg16/vgg16.npz")
EMBEDDINGS = Path("data/embeddings")


def main() -> None:
    declared = parameters("embed_vgg16")
    options = declared.section("embed_vgg16", EmbedVgg16)
    image_size, train_on = declared["image_size"], declared["train_on"]
    unfreeze = declared["train_vgg16.unfreeze"]

    precision.tell(options.precision, say)
    weights = vgg16_base.load_weights(WEIGHTS)
    base = vgg16_base.base(image_size, unfreeze, weights, options.precision)
    model = vgg16_base.embedder(base, image_size, options.precision)
    progress = Progress(unfinished.folder("embed_vgg16", declared))
    when_interrupted(lambda: saved_photos(progress.folder))
    changed = views(options.views, options.augmentation, declared["seed"])
    embedded: dict[str, tuple[str, list[Change]]] = {
        "train": (train_on, changed),
        "validation": ("validation", [as_it_is]),
    }
    for name, (split, seen) in embedded.items():
        embed(model, TFRECORDS, split, progress.folder, name, options.batch_size, seen, say)
    index = {
        "train_on": train_on,
        "unfreeze": unfreeze,
        "precision": options.precision,
        "sha256": {},
    }
    for file in sorted(progress.folder.glob("*.npy")):
        index["sha256"][file.name] = sha256(file)
    described = json.dumps(index, indent=2) + "\n"
    (progress.folder / "index.json").write_text(described, encoding="utf-8")
    shutil.rmtree(EMBEDDINGS, ignore_errors=True)
    EMBEDDINGS.mkdir(parents=True)
    for name in (*index["sha256"], "index.json"):
        shutil.copyfile(progress.folder / name, EMBEDDINGS / name)
    progress.finish()
    record_time("embed_vgg16", EMBEDDINGS / "index.json")


if __name__ == "__main__":
    run(main, lambda: verify(TFRECORDS))
