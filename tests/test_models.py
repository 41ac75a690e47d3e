"""The networks: their layers and parameters, and what a saved model promises."""

import logging
import platform
from pathlib import Path
from statistics import NormalDist
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import yaml

from agegender.common.errors import UserError
from agegender.custom import network as custom
from agegender.custom.parameters import TrainCustom
from agegender.evaluation.describe import layers, parameter_counts
from agegender.evaluation.predict import load
from agegender.networks import device
from agegender.networks.views import single_view
from agegender.training.heads import answer, head, shares
from agegender.training.inference import for_export, inference_model
from agegender.training.normalization import FusedBatchNormalization
from agegender.training.objective import soft_labels
from agegender.training.parameters import Training
from agegender.training.saving import save
from agegender.vgg16 import network as vgg16
from agegender.vgg16.frozen.backbone import Backbone, load_weights, split_layers
from agegender.vgg16.parameters import TrainVgg16

BOTH = ["gender", "age"]
DEFAULTS = yaml.safe_load(Path("params.yaml").read_text())
IMAGES = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.float32)


def custom_options(**changed: object) -> TrainCustom:
    return TrainCustom.parse(DEFAULTS["train_custom"] | changed)


def vgg16_options(**changed: object) -> TrainVgg16:
    return TrainVgg16.parse(DEFAULTS["train_vgg16"] | changed)


def small(**changed: object) -> keras.Model:
    """A small custom CNN as it is saved."""
    options = custom_options(filters=[4, 8], dense_units=[8], **changed)
    keras.utils.set_random_seed(3)
    network = for_export(custom.build(options, 32, BOTH, initial_age_bias=30.0))
    return inference_model([network], 32, options, "custom")


def saved_vgg16(size: int, tasks: list[str], **changed: object) -> keras.Model:
    options = vgg16_options(**changed)
    network = for_export(vgg16.build(options, size, tasks, None))
    backbone = Backbone(size, options.unfreeze, None)
    return inference_model([network], size, options, "vgg16", backbone)


def test_the_custom_cnn_has_the_reference_reports_parameters() -> None:
    options = custom_options()
    network = for_export(custom.build(options, 128, BOTH))
    rows = layers(inference_model([network], 128, options, "custom"))
    assert {row["name"]: row["parameters"] for row in rows if row["parameters"]} == {
        "conv1": 896,
        "conv2": 18_496,
        "conv3": 73_856,
        "conv4": 295_168,
        "dense1": 4_194_560,
        "dense2": 32_896,
        "gender": 129,
        "age": 129,
    }
    one = custom.build(custom_options(dense_units=[256]), 128, BOTH)
    assert [one.get_layer(task).count_params() for task in BOTH] == [257, 257]


@pytest.mark.parametrize(
    ("tasks", "total", "trainable"),
    [(["gender"], 14_846_273, 131_585), (BOTH, 14_846_530, 131_842)],
)
def test_vgg16_has_the_reference_reports_parameters(
    tasks: list[str], total: int, trainable: int
) -> None:
    counts = parameter_counts(saved_vgg16(128, tasks))
    assert (counts["total"], counts["trainable"]) == (total, trainable)
    assert total - trainable == 14_714_688


def test_every_ingredient_has_its_layers_and_every_formula_counts_them() -> None:
    model = small(
        convs_per_block=2,
        pooling="average",
        batch_normalization=True,
        age_head="distribution",
        tta_flip=True,
    )
    names = {row["name"] for row in layers(model)}
    assert {"conv2_2", "norm2_2", "average", "age_within_bounds", "gender_over_views"} <= names
    counts = parameter_counts(model)
    # Two normalizations' moving averages per filter, and the years, are not trained.
    assert counts["total"] - counts["trainable"] == 2 * 2 * (4 + 8) + 117
    for row in layers(model) + layers(saved_vgg16(32, BOTH, unfreeze="block5")):
        assert eval(row["formula"].replace("·", "*") or "0") == row["parameters"], row


def test_both_sides_of_the_cut_make_the_whole() -> None:
    unfreeze = "block4"
    weights = {
        f"{layer.name}/{kind}": value
        for layer in split_layers(32, "none", None)[0]
        for kind, value in zip(("kernel", "bias"), layer.get_weights(), strict=False)
    }
    options = vgg16_options(dense_units=[8], unfreeze=unfreeze)
    network = vgg16.build(options, 32, BOTH, weights)
    embedder = Backbone(32, unfreeze, weights).model()
    embedded = embedder(IMAGES)
    assert embedded.shape[1:] == (4, 4, 256) and not embedder.trainable_weights
    backbone = Backbone(32, unfreeze, weights)
    whole = inference_model([for_export(network)], 32, options, "vgg16", backbone)
    np.testing.assert_allclose(network(embedded)["gender"], whole(IMAGES)["gender"], rtol=1e-4)
    scaled = keras.Model(whole.input, whole.get_layer("scale").output)(IMAGES)
    expected = keras.applications.vgg16.preprocess_input(IMAGES.copy())
    np.testing.assert_allclose(scaled, expected, rtol=1e-5)


def test_batch_normalization_in_vgg16_changes_nothing_to_begin_with() -> None:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (6, 32, 32, 3)).astype(np.float32)
    weights = {}
    for layer in split_layers(32, "none", None)[0]:
        if layer.weights:
            kernel, bias = layer.get_weights()
            weights[f"{layer.name}/kernel"] = kernel
            weights[f"{layer.name}/bias"] = random.normal(0, 5, bias.shape).astype(np.float32)
    embedded = Backbone(32, "block4", weights).model()(images).numpy()

    def features(**changed: object) -> tuple[keras.Model, np.ndarray]:
        model = vgg16.build(vgg16_options(unfreeze="block4", **changed), 32, BOTH, weights)
        if changed:
            vgg16.calibrate(model, weights, embedded)
        pooled = keras.Model(model.input, model.get_layer("average").output)
        return model, pooled(embedded).numpy()

    _, expected = features()
    model, found = features(backbone_batch_normalization=True)
    used = expected.std(axis=0) > 0
    assert used.sum() > 100
    # The same but for each channel's unit.
    unit = found[:, used].std(axis=0) / expected[:, used].std(axis=0)
    np.testing.assert_allclose(found[:, used], expected[:, used] * unit, rtol=1e-3, atol=1e-4)
    assert {variable.path for variable in vgg16.pretrained_variables(model)} == {
        f"block{block}_conv{place}/kernel" for block in (4, 5) for place in (1, 2, 3)
    }


def test_blocks_may_differ_in_convolutions_and_must_leave_something() -> None:
    options = custom_options(filters=[4, 8, 8], convs_per_block=[1, 2, 1])
    names = [layer.name for layer in custom.build(options, 32, BOTH).layers]
    assert [name for name in names if name.startswith("conv")] == [
        "conv1",
        "conv2_1",
        "conv2_2",
        "conv3",
    ]
    with pytest.raises(UserError, match="as many as filters"):
        custom_options(filters=[4, 8], convs_per_block=[1])
    with pytest.raises(UserError, match="at most 5 are possible"):
        custom.build(custom_options(filters=[4] * 6), 32, BOTH)


@pytest.mark.parametrize("model", ["custom", "vgg16"])
def test_an_ensemble_answers_with_the_mean_of_its_networks(tmp_path: Path, model: str) -> None:
    options: Training
    if model == "vgg16":
        # Its pooling is a layer called average.
        options = tuned = vgg16_options(unfreeze="block5", backbone_batch_normalization=True)
        networks = [vgg16.build(tuned, 32, BOTH, None, 30.0) for _ in range(3)]
        embed: dict[str, Any] = {"embed": Backbone(32, "block5", None)}
    else:
        options = plain = custom_options(filters=[4], dense_units=[8], batch_normalization=True)
        networks = [custom.build(plain, 32, BOTH, 30.0) for _ in range(3)]
        embed = {}
    exported = [for_export(network, number) for number, network in enumerate(networks)]
    save(inference_model(exported, 32, options, model, **embed), tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    each = [
        inference_model([for_export(network)], 32, options, model, **embed)(IMAGES)
        for network in networks
    ]
    for task, mean in loaded(IMAGES).items():
        values = np.stack([outputs[task] for outputs in each])
        assert values.std(axis=0).min() > 1e-6
        np.testing.assert_allclose(mean, values.mean(axis=0), rtol=1e-3)
    names = [row["name"] for row in layers(loaded)]
    assert names.count("block1_conv1") == (model == "vgg16")


def test_views_at_test_time_are_the_mirror_image_and_other_sizes(tmp_path: Path) -> None:
    boxes = [[0.25, 0.25, 0.75, 0.75]] * 2
    closer = tf.image.crop_and_resize(IMAGES, boxes, [0, 1], (32, 32)).numpy()
    padded = np.pad(IMAGES, [(0, 0), (4, 4), (4, 4), (0, 0)], mode="edge")
    farther = tf.image.resize(padded, (32, 32)).numpy()
    plain, several = small(), small(tta_flip=True, tta_zooms=[2.0, 0.8])
    several.set_weights(plain.get_weights())
    save(several, tmp_path / "several.keras")
    several = keras.models.load_model(tmp_path / "several.keras", safe_mode=True)
    views = [view[:, :, ::step] for view in (IMAGES, closer, farther) for step in (1, -1)]
    for task, found in several(IMAGES).items():
        expected = np.mean([plain(view)[task] for view in views], axis=0)
        np.testing.assert_allclose(found, expected, rtol=2e-2)
        mirrored = several(IMAGES[:, :, ::-1])[task]
        np.testing.assert_allclose(mirrored, found, rtol=1e-5)
    assert single_view(plain) is plain
    for task, found in single_view(several)(IMAGES).items():
        np.testing.assert_array_equal(found, plain(IMAGES)[task])
    # LiteRT's own operations are enough; an affine map would need TensorFlow's.
    several.export(tmp_path / "several.tflite", format="litert", verbose=False)
    exported = tf.lite.Interpreter(str(tmp_path / "several.tflite"))
    (given,) = exported.get_input_details()
    exported.resize_tensor_input(given["index"], IMAGES.shape)
    exported.allocate_tensors()
    exported.set_tensor(given["index"], IMAGES)
    exported.invoke()
    outputs = [exported.get_tensor(each["index"]) for each in exported.get_output_details()]
    for found in several(IMAGES).values():
        assert any(np.allclose(found, output, rtol=1e-4) for output in outputs)


def test_a_saved_model_is_the_same_bytes(tmp_path: Path) -> None:
    for name in ("first", "second"):
        save(small(), tmp_path / f"{name}.keras")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first.keras", "second.keras"]
    assert (tmp_path / "first.keras").read_bytes() == (tmp_path / "second.keras").read_bytes()


@pytest.mark.parametrize("has_bfloat16", [True, False])
def test_a_network_trained_in_bfloat16_is_saved_in_float32(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, has_bfloat16: bool
) -> None:
    monkeypatch.setattr(device, "has_bfloat16", lambda: has_bfloat16)
    options = custom_options(
        filters=[4], dense_units=[8], precision="bfloat16", batch_normalization=True
    )
    with caplog.at_level(logging.WARNING):
        device.warn_if_unsupported("bfloat16")
    assert bool(caplog.messages) == (not has_bfloat16)
    network = custom.build(options, 32, BOTH)
    computes_in = "bfloat16" if has_bfloat16 else "float32"
    assert network.get_layer("conv1").compute_dtype == computes_in
    plain = inference_model([for_export(network)], 32, options, "custom")
    assert {layer.compute_dtype for layer in plain.layers} == {"float32"}
    assert {type(layer).__module__.split(".")[0] for layer in plain.layers} == {"keras"}
    np.testing.assert_allclose(
        plain(IMAGES)["gender"], network(IMAGES)["gender"], rtol=0.05, atol=0.02
    )


def test_bfloat16_is_told_by_the_processors_flags(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "_CPU_INFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    for flags, expected in (("sse avx512_bf16", True), ("sse avx512f", False)):
        (tmp_path / "cpuinfo").write_text(f"model name : a\nflags : {flags}\n")
        assert device.has_bfloat16() == expected


def age_model(estimate: str) -> keras.Model:
    """From logits of each year to the age that a saved model returns."""
    options = custom_options(
        dense_units=[], dropout=0.0, age_head="distribution", age_estimate=estimate
    )
    vector = keras.Input((117,))
    outputs = head(vector, ["age"], options)
    model = keras.Model(vector, answer(shares(outputs, options), options))
    model.get_layer("age_logits").set_weights([np.eye(117, dtype=np.float32), np.zeros(117)])
    return model


def test_a_distribution_of_age_is_answered_by_its_expectation_or_its_median() -> None:
    soft = np.asarray(soft_labels(np.array([[0.0], [30.0], [116.0]]), 2.0))
    assert soft.sum(axis=1) == pytest.approx([1, 1, 1]) and soft[1].argmax() == 30
    # Two years off is as likely as a normal distribution has it.
    assert soft[1][32] / soft[1][30] == pytest.approx(np.exp(-0.5), rel=1e-4)
    lopsided = 0.6 * soft[1] + 0.4 * np.eye(117)[90]
    rows = np.stack([*soft, lopsided, np.full(117, 1 / 117), np.eye(117)[7]]).astype(np.float32)
    logits = np.log(np.maximum(rows, 1e-30))
    mean = age_model("expectation")(logits)["age"].numpy()[:, 0]
    assert mean[1] == pytest.approx(30, abs=1e-3) and mean[3] == pytest.approx(54, abs=1e-2)
    outputs = {name: values.numpy()[:, 0] for name, values in age_model("median")(logits).items()}
    youngest, thirty, oldest, mixed, even, one = outputs["age"]
    # An 80 % interval, in whole years: 1.28 standard deviations of 2 years, rounded outwards.
    low, high = outputs["age_low"].tolist(), outputs["age_high"].tolist()
    assert (low[1], high[1]) == (27, 33) and (low[3], high[3]) == (28, 91)
    assert (low[0], high[2]) == (0, 116) and (low[4], high[4]) == (11, 105)
    assert 0.5 < youngest < 2 and 114 < oldest < 115.5
    assert thirty == pytest.approx(30, abs=1e-3)
    # Below it lie five sixths of the normal distribution around 30.
    assert mixed == pytest.approx(30 + 2 * NormalDist().inv_cdf(5 / 6), abs=0.1)
    assert even == pytest.approx(58, abs=1e-3) and one == pytest.approx(7, abs=1e-3)


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04"])
def test_damaged_models_and_weights_are_named(tmp_path: Path, content: bytes) -> None:
    for name, read in {"custom.keras": load, "vgg16.npz": load_weights}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=f"{name} .*damaged"):
            read(tmp_path / name)
    with pytest.raises(UserError, match="is missing"):
        load(tmp_path / "other.keras")


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_fused_batch_normalization_trains_like_kerass_own(policy: str) -> None:
    images = np.random.default_rng(0).normal(3, 2, (8, 6, 6, 4)).astype(np.float32)

    def trained(kind: type[keras.layers.BatchNormalization]) -> list[np.ndarray]:
        layer = kind(dtype=policy)
        layer.build(images.shape)
        layer.gamma.assign([1.0, 2.0, 0.5, -1.0])
        with tf.GradientTape() as tape:
            given = tf.Variable(images)
            out = tf.cast(layer(given, training=True), tf.float32)
            loss = tf.reduce_sum(out**3)
        gradients = tape.gradient(loss, [given, layer.gamma.value, layer.beta.value])
        after = tf.cast(layer(images, training=False), tf.float32)
        return [np.asarray(v) for v in (out, *gradients, layer.moving_mean, after)]

    fused, own = trained(FusedBatchNormalization), trained(keras.layers.BatchNormalization)
    tolerance = 1e-3 if policy == "float32" else 0.05
    for got, wanted in zip(fused, own, strict=True):
        atol = tolerance * np.abs(wanted).max()
        np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=atol)
