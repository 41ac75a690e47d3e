"""The report's words on what was built and how it was trained: all of it, and nothing else."""

from typing import Any

import yaml

from agegender.report import methods, prose
from agegender.report.results import Curve
from tests.clones import ROOT

BOTH = ["gender", "age"]
DEFAULTS = yaml.safe_load((ROOT / "params.yaml").read_text())
BEST = yaml.safe_load((ROOT / "recipes/best.yaml").read_text())
CURVE = Curve([9, 7, 5, 4], [9, 8, 9, 10])


def parameters(section: str, **changed: object) -> dict[str, Any]:
    return DEFAULTS[section] | changed


def best(section: str) -> dict[str, Any]:
    return parameters(section, **BEST[section])


def test_the_defaults_are_told_without_what_they_leave_out() -> None:
    plain, embedding = parameters("train_custom"), parameters("embed_vgg16")
    network = methods.custom_network(BOTH, plain)
    assert "4 blocks with 32, 64, 128 and 256 filters. A block has a convolution of 3" in network
    assert "flattened" in network and "256 and 128 units with ReLU, dropout of 0.2" in network
    assert "a sigmoid unit for gender and a linear unit for age." in network
    for word in ("normalisation", "mirror", "average"):
        assert word not in network
    assert methods.optimizer(plain) == "Adam, learning rate 0.001"
    assert methods.loss(BOTH, plain) == (
        "binary cross-entropy of gender; plus mean absolute error of age"
    )
    assert methods.kept(plain, CURVE) == "those after the last epoch"
    assert methods.arithmetic(plain, embedding) == "float32"
    assert methods.changes(plain) == methods.changes(parameters("train_vgg16"), embedding) == ""
    assert "changed, with dropout at work; so" in methods.comparing(plain, False, BOTH)
    assert "All its convolutions are frozen" in methods.vgg16_network(
        BOTH, parameters("train_vgg16")
    )


def test_every_ingredient_of_the_best_recipe_is_told() -> None:
    # Other numbers than the recipe's where they are in what is told.
    custom = best("train_custom") | {"convs_per_block": 2, "learning_rate": 0.003, "epochs": 30}
    custom["augmentation"] = custom["augmentation"] | {"erasing": 0.25}
    custom["tta_zooms"] = []
    vgg16 = best("train_vgg16") | {"backbone_learning_rate": 0.0004}
    embedding = best("embed_vgg16") | {"views": 2}
    network = methods.custom_network(BOTH, custom)
    assert "2 convolutions of " in network and " max pooling behind the last" in network
    assert "then batch normalisation and ReLU (which each has)" in network
    assert "global average pooling" in network and "flattened" not in network
    assert "softmax over the ages" in network and "its mirror image" in network
    zoomed = custom | {"tta_zooms": [0.9, 1.1]}
    assert methods.custom_network(BOTH, zoomed).endswith(
        "mean over a photo, the photo at 0.9 and 1.1 times its size and their mirror images."
    )
    assert "Neither is a mean over a photo and its" in methods.comparing(custom, False, BOTH)
    assert "networks" not in network + methods.comparing(custom, False, BOTH)
    several = custom | {"ensemble_size": 3}
    assert "3 such networks are trained" in methods.custom_network(BOTH, several)
    assert methods.custom_network(BOTH, several).endswith("to a photo and its mirror image.")
    assert "first of the 3 networks" in methods.comparing(several, False, BOTH)
    zoomed["tta_flip"] = False
    assert "over a photo and the photo at 0.9 and" in methods.comparing(zoomed, False, BOTH)
    other = methods.vgg16_network(BOTH, vgg16)
    assert "average pooling, batch normalisation and then" in other and "mirror image" in other
    assert "trained from block4 on" in other
    assert "Each convolution that is trained has batch normalisation" in other
    frozen = vgg16 | {"unfreeze": "none"}
    assert "convolution that is trained" not in methods.vgg16_network(BOTH, frozen)
    frozen["batch_normalization"] = False
    assert "mean and variance" not in methods.comparing(frozen, True, BOTH)
    frozen["unfreeze"] = "block5"
    assert "mean and variance" in methods.comparing(frozen, True, BOTH)
    assert methods.optimizer(custom) == (
        "AdamW, learning rate 0.003; reached from 0 over 2 epochs, then falling along a cosine to "
        "0 at the end of 30 epochs; weight decay 0.05 on all but biases and batch normalisation"
    )
    assert "and 0.0004 for the pre-trained layers" in methods.optimizer(vgg16)
    loss = methods.loss(BOTH, custom | {"age_weight": 0.5})
    assert "smoothed to 0.025 and 0.975; plus 0.5 times cross-entropy over ages" in loss
    assert "standard deviation of 2.0 years" in loss
    assert "age" not in methods.loss(["gender"], custom)
    assert "smoothed" not in methods.loss(["age"], custom)
    assert "decay 0.99 a step" in methods.kept(custom, CURVE)
    assert methods.arithmetic(custom).startswith("bfloat16 in training, where")
    assert methods.arithmetic(custom | {"strategy": "multi_worker"}).endswith("several machines")
    assert "rotated" in methods.changes(custom) and "partly erased" in methods.changes(custom)
    assert methods.changes(vgg16, embedding) == (
        "one of 2 views in each epoch (the photo and its mirror image); feature maps shifted by up "
        "to a cell"
    )
    compared = methods.comparing(custom, True, BOTH)
    assert "with dropout, changed photos and each batch" in compared
    assert "of the averaged weights" in compared and "Smoothed labels" in compared
    assert "Smoothed" not in methods.comparing(custom, True, ["age"])


def test_the_epoch_that_was_kept_is_told_and_fewer_are_not_advised() -> None:
    kept = methods.kept(parameters("train_custom", restore_best_weights=True), CURVE)
    assert kept == "those after epoch 2, whose validation loss is the lowest"
    keeping = [parameters("train_custom", restore_best_weights=best) for best in (False, True)]
    last, best = (prose.fitting("the CNN", CURVE, training) for training in keeping)
    assert "Fewer epochs" in last and "The model kept" not in last
    assert "Fewer epochs" not in best and "The model kept is that of epoch 2" in best
    several = prose.fitting("the CNN", CURVE, keeping[1] | {"ensemble_size": 2})
    assert "The first network kept is that of epoch 2" in several


def test_layers_without_a_bias_are_told() -> None:
    def layer(kind: str, formula: str) -> dict[str, Any]:
        return {"kind": kind, "formula": formula}

    plain = methods.counting([layer("Conv2D", "(3·3·3 + 1)·8"), layer("Dense", "(8 + 1)·1")])
    assert plain == "Other layers have no parameters."
    words = methods.counting(
        [layer("Conv2D", "3·3·3·8"), layer("BatchNormalization", "4·8"), layer("Dense", "117·1")]
    )
    assert "convolutions here have none" in words and "4 parameters a channel" in words
    assert "expectation of age" in words
    mixed = methods.counting([layer("Conv2D", "(3·3·3 + 1)·8"), layer("Conv2D", "3·3·8·8")])
    assert "Those that batch normalisation follows have none" in mixed
