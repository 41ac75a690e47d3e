"""The source report's two networks as its author and others write them: plain Keras."""

import keras
import tensorflow as tf


def head(features: keras.KerasTensor, units: tuple[int, ...], dropout: float) -> list:
    """Dense layers, dropout, then gender (P(female)) and age (years)."""
    for count in units:
        features = keras.layers.Dense(count, activation="relu")(features)
    features = keras.layers.Dropout(dropout)(features)
    # From about the mean age on, so that a short training comes somewhere.
    age = keras.layers.Dense(1, bias_initializer=keras.initializers.Constant(30.0), name="age")
    return [keras.layers.Dense(1, activation="sigmoid", name="gender")(features), age(features)]


def vgg16_head(width: int) -> keras.Model:
    """From pooled features, shape (n, ``width``), to the answers."""
    features = keras.Input((width,))
    return compiled(keras.Model(features, head(features, (256,), 0.5)))


def custom_cnn(image_size: int, channels: int = 3) -> keras.Model:
    """The source report's convolutional network: pixels, 0 to 255, to the answers.

    Its photos have their ``channels`` last, or first where Keras is set so.
    """
    sides = (image_size, image_size)
    first = keras.config.image_data_format() == "channels_first"
    image = keras.Input((channels, *sides) if first else (*sides, channels))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(image)
    for count in (32, 64, 128, 256):
        x = keras.layers.Conv2D(count, 3, padding="same", activation="relu")(x)
        x = keras.layers.MaxPooling2D()(x)
    return compiled(keras.Model(image, head(keras.layers.Flatten()(x), (256, 128), 0.2)))


def compiled(model: keras.Model, **options: object) -> keras.Model:
    """``model``, ready for training as the source report trains."""
    model.compile(
        optimizer=keras.optimizers.Adam(1e-3),
        loss=["binary_crossentropy", "mean_absolute_error"],
        metrics=[["accuracy"], ["mae"]],
        **options,
    )
    return model


def untuned(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """``dataset`` without tf.data's tuner, which holds up the end of an epoch.

    The project's own datasets are made so; one that they are to be measured by must be, too.
    """
    return tuned(dataset, False)


def tuned(dataset: tf.data.Dataset, enabled: bool = True) -> tf.data.Dataset:
    """``dataset`` with tf.data's tuner, as TensorFlow has it where nobody asks."""
    options = tf.data.Options()
    options.autotune.enabled = enabled
    return dataset.with_options(options)
