"""Saved models with test-time augmentation, and without."""

import keras

# Ends the names of the layers that take the mean over views.
OVER_VIEWS = "_over_views"


def single_view(model: keras.Model) -> keras.Model:
    """A saved model without test-time augmentation: the photo as it is, by all networks.

    Args:
        model: as `inference_model` made it, or as it was loaded; it shares its weights.
    """
    means = {task: f"{task}{OVER_VIEWS}" for task in ("gender", "age")}
    found = {layer.name: layer for layer in model.layers if layer.name in means.values()}
    if not found:
        return model
    outputs = {}
    if means["gender"] in found:
        outputs["gender"] = found[means["gender"]].input[0]
    if means["age"] in found:
        mean = found[means["age"]]
        ages = {name: each for name, each in model.output.items() if name != "gender"}
        outputs |= keras.Model(mean.output, ages)(mean.input[0])
    return keras.Model(model.input, outputs, name=model.name)
