"""Adam as training uses it: schedule, decay, moving average, slower pre-trained layers."""

from collections.abc import Sequence
from typing import Any

import keras

from agegender.training.parameters import Training


class DiscriminativeAdam(keras.optimizers.Adam):
    """Adam with ``factor`` times the learning rate for the weights ``slow``.

    Source: Howard and Ruder, ULMFiT (discriminative fine-tuning), ACL 2018, arXiv:1801.06146.
    """

    def __init__(self, slow: Sequence[keras.Variable], factor: float, **options: object) -> None:
        super().__init__(**options)
        self._slow = {variable.path for variable in slow}
        self._factor = factor
        self._factors: list[float] = []

    def build(self, variables: list[keras.Variable]) -> None:
        """Make the optimizer's own variables, see Keras."""
        self._factors = [self._factor if v.path in self._slow else 1.0 for v in variables]
        super().build(variables)

    def update_step(
        self, gradient: keras.KerasTensor, variable: keras.Variable, learning_rate: Any
    ) -> None:
        """Change one variable, see Keras."""
        factor = self._factors[self._get_variable_index(variable)]
        super().update_step(gradient, variable, learning_rate * factor)


def optimizer(
    options: Training,
    steps: int,
    pretrained: Sequence[keras.Variable] = (),
    backbone_learning_rate: float | None = None,
) -> keras.optimizers.Optimizer:
    """The optimizer that these options describe.

    Args:
        options: learning rate, schedule, weight decay and moving average.
        steps: per epoch.
        pretrained: pre-trained weights that are trained.
        backbone_learning_rate: theirs; None for the same as the others'.
    """
    rate: object = options.learning_rate
    if options.schedule == "cosine":
        warmup = options.warmup_epochs * steps
        rate = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=0.0 if warmup else options.learning_rate,
            decay_steps=options.epochs * steps - warmup,
            warmup_target=options.learning_rate if warmup else None,
            warmup_steps=warmup,
        )
    made = DiscriminativeAdam(
        pretrained,
        (backbone_learning_rate or options.learning_rate) / options.learning_rate,
        learning_rate=rate,
        weight_decay=options.weight_decay or None,
        use_ema=options.ema_momentum > 0,
        ema_momentum=options.ema_momentum,
    )
    # Pre-trained weights are better left where they are than drawn to 0.
    made.exclude_from_weight_decay(var_list=list(pretrained), var_names=["bias", "gamma", "beta"])
    return made
