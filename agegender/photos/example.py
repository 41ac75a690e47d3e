"""A photo as a `tf.train.Example`, written and read without TensorFlow.

The messages are those of tensorflow/core/example/{example,feature}.proto.
"""

from functools import cache
from typing import Any, NamedTuple

from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory


class Example(NamedTuple):
    """A record: ``image`` holds RGB bytes row by row (uint8), ``file`` the photo's name."""

    image: bytes
    file: str
    age: int
    gender: int
    race: int


def encode(example: Example) -> bytes:
    """The serialized `tf.train.Example`; equal examples give equal bytes."""
    record = _example_class()()
    features = record.features.feature
    features["file"].bytes_list.value.append(example.file.encode())
    for name in ("age", "gender", "race"):
        features[name].int64_list.value.append(getattr(example, name))
    labels: bytes = record.SerializeToString(deterministic=True)
    return b"".join((labels, _image_prefix(len(example.image)), example.image))


@cache
def _image_prefix(length: int) -> bytes:
    """What stands before the bytes of an image in an example that holds nothing else.

    Serialized messages merge when they are joined, and so the pixels are copied once, which
    takes a third of the time of serializing them.
    Source: https://protobuf.dev/programming-guides/encoding/#last-one-wins
    """
    record = _example_class()()
    record.features.feature["image"].bytes_list.value.append(bytes(length))
    serialized: bytes = record.SerializeToString(deterministic=True)
    return serialized[: len(serialized) - length]


def decode(serialized: bytes) -> Example:
    """What `encode` made into ``serialized``.

    Raises:
        ValueError: it is no such example.
    """
    try:
        features = _example_class().FromString(serialized).features.feature
    except message.DecodeError as error:
        raise ValueError(f"no tf.train.Example: {error}") from None
    if sorted(features) != sorted(Example._fields):
        raise ValueError(f"features {', '.join(sorted(features))}")
    (image,) = features["image"].bytes_list.value
    (file,) = features["file"].bytes_list.value
    (age,), (gender,), (race,) = (
        features[name].int64_list.value for name in ("age", "gender", "race")
    )
    return Example(image, file.decode(), age, gender, race)


@cache
def _example_class() -> Any:
    """The class of `tensorflow.Example`.

    It lives in a pool of its own, so that TensorFlow may register its own one beside it.
    """
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="example.proto", package="tensorflow", syntax="proto3"
    )

    def declare(parent: Any, name: str, **fields: dict[str, Any]) -> Any:
        declared = parent.add(name=name)
        for number, (title, options) in enumerate(fields.items(), start=1):
            declared.field.add(
                name=title, number=number, **{"label": field.LABEL_OPTIONAL, **options}
            )
        return declared

    def one(type_name: str) -> dict[str, Any]:
        return {"type": field.TYPE_MESSAGE, "type_name": f".tensorflow.{type_name}"}

    def many(**kind: Any) -> dict[str, Any]:
        return {"label": field.LABEL_REPEATED, **kind}

    declare(file.message_type, "BytesList", value=many(type=field.TYPE_BYTES))
    declare(file.message_type, "FloatList", value=many(type=field.TYPE_FLOAT))
    declare(file.message_type, "Int64List", value=many(type=field.TYPE_INT64))
    kinds = {"bytes_list": "BytesList", "float_list": "FloatList", "int64_list": "Int64List"}
    feature = declare(
        file.message_type,
        "Feature",
        **{name: {**one(kind), "oneof_index": 0} for name, kind in kinds.items()},
    )
    feature.oneof_decl.add(name="kind")
    features = declare(file.message_type, "Features", feature=many(**one("Features.FeatureEntry")))
    entry = declare(
        features.nested_type, "FeatureEntry", key={"type": field.TYPE_STRING}, value=one("Feature")
    )
    entry.options.map_entry = True
    declare(file.message_type, "Example", features=one("Features"))

    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tensorflow.Example"))
