"""Run VGG16's frozen layers once on all views of the training photos, and on validation's."""

import os
import shutil
from functools import partial
from pathlib import Path

from agegender.common.files import replace_folder, sha256, write_json
from agegender.common.resumable import resumable_folder
from agegender.networks.device import device_names, enable_determinism, warn_if_unsupported
from agegender.photos.records import verify
from agegender.vgg16.frozen.backbone import Backbone, load_weights
from agegender.vgg16.frozen.embedding import embed, identity, saved_state, views
from agegender.vgg16.frozen.parameters import EmbedVgg16
from stages.common import unfinished
from stages.common.stage import parameters, project_root, record_time, run, when_interrupted

TFRECORDS = Path("data/tfrecords")
WEIGHTS = Path("data/vgg16/vgg16.npz")
EMBEDDINGS = Path("data/embeddings")


def main() -> None:
    declared = parameters("embed_vgg16")
    options = declared.section("embed_vgg16", EmbedVgg16)
    train_on, unfreeze = declared["train_on"], declared["train_vgg16.unfreeze"]
    enable_determinism(declared["seed"])
    warn_if_unsupported(options.precision)
    weights = load_weights(WEIGHTS)
    model = Backbone(declared["image_size"], unfreeze, weights, options.precision).model()
    training_views = views(options.views, options.augmentation, declared["seed"])

    key = unfinished.key("embed_vgg16", declared)
    with resumable_folder(project_root() / "progress/embed_vgg16", key) as folder:
        when_interrupted(partial(saved_state, folder))
        size, files = options.batch_size, ["train.npy", "validation.npy"]
        embed(model, TFRECORDS, train_on, folder / files[0], size, training_views)
        embed(model, TFRECORDS, "validation", folder / files[1], size, [identity])
        index = {
            "train_on": train_on,
            "unfreeze": unfreeze,
            "precision": options.precision,
            "sha256": {file: sha256(folder / file) for file in files},
        }
        with replace_folder(EMBEDDINGS) as target:
            write_json(target / "index.json", index)
            for file in files:
                _link(folder / file, target / file)
    record_time("embed_vgg16", EMBEDDINGS / "index.json", gpus=device_names())


def _link(source: Path, target: Path) -> None:
    """The same file under another name as well, or a copy where the file system has no links.

    Not moved: the work must still be in progress/ if the stage ends before ``target`` is in place.
    """
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


if __name__ == "__main__":
    run(main, lambda: verify(TFRECORDS))
