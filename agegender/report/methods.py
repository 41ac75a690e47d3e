"""What was built and how it was trained, in words that are made from the stages' parameters."""

from collections.abc import Mapping, Sequence
from typing import Any

from agegender.report.results import Curve

Parameters = Mapping[str, Any]
# What each change of a photo makes of it.
_CHANGES = {
    "flip": "mirrored",
    "rotation": "rotated",
    "shift": "shifted",
    "zoom": "zoomed",
    "brightness": "made brighter or darker",
    "contrast": "given more or less contrast",
    "erasing": "partly erased",
}
# What the answer is of a distribution of age.
_ESTIMATES = {"expectation": "mean", "median": "median"}
# Where training computed, if not in one process on whatever there was.
_STRATEGIES = {
    "auto": "",
    "mirrored": "; each batch parted among the GPUs of one machine",
    "multi_worker": "; each batch parted among several machines",
}


def custom_network(tasks: Sequence[str], training: Parameters) -> str:
    """The layers of the custom CNN.

    Args:
        tasks: that it was trained for.
        training: the parameters of its training stage, as in all functions here.
    """
    filters, convolutions = training["filters"], training["convs_per_block"]
    blocks = "1 block" if len(filters) == 1 else f"{len(filters)} blocks"
    row = (
        "a convolution of 3×3"
        if convolutions == 1
        else f"{convolutions} convolutions of 3×3 in a row"
    )
    if training["batch_normalization"]:
        each = "the last" if convolutions > 1 else "it"
        behind = f"2×2 max pooling behind {each}, which halves the picture’s sides, then "
        behind = f", {behind}batch normalisation and ReLU"
        behind += " (which each has)" if convolutions > 1 else ""
    else:
        each = " behind each" if convolutions > 1 else ""
        behind = f", with ReLU{each}, and then 2×2 max pooling, which halves the picture’s sides"
    seen = (
        "of which global average pooling keeps the mean of each channel"
        if training["pooling"] == "average"
        else "which is flattened, so that every cell of it counts"
    )
    return (
        f"A network of one’s own, trained from scratch: {blocks} with "
        f"{listed([f'{count}' for count in filters])} filters. A block has {row}{behind}. "
        f"The last block’s feature map, {seen}, goes into "
        f"{_head(tasks, training)}.{_mean(training)}"
    )


def vgg16_network(tasks: Sequence[str], training: Parameters) -> str:
    """The layers of VGG16 and of the head on it, see `custom_network`."""
    first = training["unfreeze"]
    trained = (
        "All its convolutions are frozen: only what stands behind them learns."
        if first == "none"
        else f"It is trained from {first} on; what lies before is frozen."
    )
    if first != "none" and training["backbone_batch_normalization"]:
        trained += " Each convolution that is trained has batch normalisation put behind it."
    normalized = ", batch normalisation" if training["batch_normalization"] else ""
    return (
        "VGG16 without its top, with the weights that it learned on ImageNet’s 1.3 million photos "
        f"of a thousand kinds of things. {trained} Behind it stand global average pooling"
        f"{normalized} and then {_head(tasks, training)}. The input is scaled as VGG16 was "
        f"trained with it: BGR, less ImageNet’s mean colour.{_mean(training)}"
    )


def _head(tasks: Sequence[str], training: Parameters) -> str:
    units = training["dense_units"]
    parts = []
    if units:
        layers = "a dense layer" if len(units) == 1 else "dense layers"
        parts.append(f"{layers} of {listed([str(count) for count in units])} units with ReLU")
    if training["dropout"]:
        parts.append(f"dropout of {training['dropout']}")
    if "gender" in tasks:
        parts.append("a sigmoid unit for gender")
    if "age" in tasks:
        parts.append(
            "a linear unit for age"
            if training["age_head"] == "linear"
            else "a softmax over the ages 0 to 116, whose "
            f"{_ESTIMATES[training['age_estimate']]} is the answer"
        )
    return listed(parts)


def _mean(training: Parameters) -> str:
    seen, members = _seen(training), training["ensemble_size"]
    if members > 1:
        return (
            f" {members} such networks are trained, each by a seed of its own; the model answers "
            f"with the mean over their answers to {seen or 'a photo'}."
        )
    return f" It answers with the mean over {seen}." if seen else ""


def _seen(training: Parameters) -> str:
    """What an answer is the mean over; nothing where it is the answer to the photo alone."""
    parts = ["a photo"]
    if zooms := training["tta_zooms"]:
        times = listed([f"{zoom:g}" for zoom in zooms])
        parts.append(f"the photo at {times} times its size")
    if training["tta_flip"]:
        parts.append(f"{'their' if zooms else 'its'} mirror image{'s' if zooms else ''}")
    return listed(parts) if len(parts) > 1 else ""


def counting(layers: Sequence[Mapping[str, Any]]) -> str:
    """What a network's layers have besides weights and a bias a unit, and which have no bias.

    Args:
        layers: see `agegender.report.results.Model`.
    """
    sentences = []
    biases = ["+" in layer["formula"] for layer in layers if layer["kind"] == "Conv2D"]
    if not all(biases):
        which = "Those that batch normalisation follows" if any(biases) else "The convolutions here"
        sentences.append(f"{which} have none, since batch normalisation shifts too.")
    if any(layer["kind"] == "BatchNormalization" for layer in layers):
        sentences.append(
            "Batch normalisation has 4 parameters a channel: two that are trained, and a running "
            "mean and variance."
        )
    if any(layer["kind"] == "Dense" and "+" not in layer["formula"] for layer in layers):
        sentences.append(
            "The expectation of age has a parameter a year, which is that year, and no bias."
        )
    return " ".join([*sentences, "Other layers have no parameters."])


def optimizer(training: Parameters) -> str:
    """The optimizer, its learning rate and how that changes."""
    words = f"{'AdamW' if training['weight_decay'] else 'Adam'}, learning rate "
    words += str(training["learning_rate"])
    pretrained = training.get("unfreeze", "none") != "none"
    if pretrained and training["backbone_learning_rate"]:
        words += f", and {training['backbone_learning_rate']} for the pre-trained layers"
    if training["schedule"] == "cosine":
        warmup = training["warmup_epochs"]
        rising = f"reached from 0 over {_epochs(warmup)}, then" if warmup else "from the start"
        words += (
            f"; {rising} falling along a cosine to 0 at the end of {_epochs(training['epochs'])}"
        )
    if training["weight_decay"]:
        spared = ["biases", "batch normalisation"]
        spared += ["the pre-trained layers"] if pretrained else []
        words += f"; weight decay {training['weight_decay']} on all but {listed(spared)}"
    return words


def loss(tasks: Sequence[str], training: Parameters) -> str:
    """What was minimised."""
    words = {
        "gender": "binary cross-entropy of gender",
        "age": "mean absolute error of age"
        if training["age_head"] == "linear"
        else f"cross-entropy over ages, each label softened to a normal distribution with a "
        f"standard deviation of {training['age_label_sigma']} years",
    }
    smoothing = training["label_smoothing"]
    if smoothing:
        words["gender"] += f", its labels 0 and 1 smoothed to {smoothing / 2:g} and "
        words["gender"] += f"{1 - smoothing / 2:g}"
    weights = {task: training[f"{task}_weight"] for task in tasks}
    return "; plus ".join(
        (f"{weights[task]:g} times " if weights[task] != 1 else "") + words[task] for task in tasks
    )


def arithmetic(training: Parameters, embedding: Parameters | None = None) -> str:
    """In what precision training computed, and whether on several machines.

    Args:
        training: see `custom_network`.
        embedding: the parameters of the stage that ran the frozen layers, if any.
    """
    precision = training["precision"]
    words = "float32"
    if precision != "float32":
        words = (
            f"{precision} in training, where the processor has it; "
            "the weights and the saved model are float32"
        )
    if embedding and embedding["precision"] != precision:
        words += f"; {embedding['precision']} in the frozen layers"
    return words + _STRATEGIES[training["strategy"]]


def changes(training: Parameters, embedding: Parameters | None = None) -> str:
    """How training photos were changed at random; empty if they were not. See `arithmetic`."""
    if embedding is None:
        changed = _changed(training["augmentation"])
        return f"at random, anew each epoch: {changed}" if changed else ""
    parts = []
    if embedding["views"] > 1:
        views = "the photo and its mirror image"
        if embedding["views"] > 2:
            changed = _changed(embedding["augmentation"])
            views = f"the photo, its mirror image and {embedding['views'] - 2} more"
            views += f", at random {changed}" if changed else ""
        parts.append(f"one of {embedding['views']} views in each epoch ({views})")
    cells = training["feature_shift"]
    if cells and training["unfreeze"] != "none":
        what = "a cell" if cells == 1 else f"{cells} cells"
        parts.append(f"feature maps shifted by up to {what}")
    return "; ".join(parts)


def _changed(augmentation: Parameters) -> str:
    return listed([words for name, words in _CHANGES.items() if augmentation[name]])


def kept(training: Parameters, curve: Curve) -> str:
    """Which weights became the model.

    Args:
        training: see `custom_network`.
        curve: of the loss.
    """
    words = "those after the last epoch"
    if training["restore_best_weights"]:
        words = f"those after epoch {curve.lowest + 1}, whose validation loss is the lowest"
        if training["ensemble_size"] > 1:
            words += " in the first network; each of the others has its own"
    decay = training["ema_momentum"]
    if decay:
        words += f"; a moving average over the steps before, with decay {decay:g} a step"
    return words


def comparing(
    training: Parameters, changed: bool, tasks: Sequence[str], train_on: str = "train"
) -> str:
    """What keeps the figures of training apart from those of validation.

    Args:
        training: see `custom_network`.
        changed: whether the training photos were.
        tasks: that were trained.
        train_on: the splits that they were trained on.
    """
    at_work = [
        words
        for words, on in (
            ("dropout", training["dropout"]),
            ("changed photos", changed),
            ("each batch’s own mean and variance", _normalizes(training)),
        )
        if on
    ]
    words = "Training figures are means over an epoch while the weights still changed"
    words += f", with {listed(at_work)} at work" if at_work else ""
    words += (
        "; so they may lie on the worse side of validation figures, which are taken after it"
        f"{', of the averaged weights' if training['ema_momentum'] else ''}."
    )
    if "gender" in tasks and training["label_smoothing"]:
        words += (
            " Smoothed labels are part of the whole loss of both, and of neither’s gender loss."
        )
    if seen := _seen(training):
        words += f" Neither is a mean over {seen}, as the saved model’s answers are."
    if training["ensemble_size"] > 1:
        words += f" Both are of the first of the {training['ensemble_size']} networks."
    if train_on != "train":
        words += " The validation photos are among those of training."
    return words


def _normalizes(training: Parameters) -> bool:
    """Whether anything that is trained has batch normalisation."""
    above = training.get("unfreeze", "none") != "none" and training["backbone_batch_normalization"]
    return bool(training["batch_normalization"] or above)


def listed(words: Sequence[str]) -> str:
    """``a, b and c``; empty for none."""
    *start, end = words or [""]
    return f"{', '.join(start)} and {end}" if start else end


def _epochs(number: int) -> str:
    return "1 epoch" if number == 1 else f"{number} epochs"
