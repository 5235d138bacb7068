"""What Keras leaves to its backend: a compiled function, and a gradient inside one. TensorFlow or JAX."""

import threading
from collections.abc import Callable

from forefolio import layers  # noqa: F401  silences Keras, which comes after it

import keras

_tracing = threading.Lock()


def _one_at_a_time(function: Callable) -> Callable:
    """Let one thread at a time turn Python into a graph: layers keep what they build there. The graphs run together."""
    def traced(*arguments):
        with _tracing:
            return function(*arguments)
    return traced


if keras.backend.backend() == "jax":
    import jax

    def compiled(function: Callable) -> Callable:
        """The function as one XLA program for each shape of its arguments."""
        return jax.jit(_one_at_a_time(function))

    def with_gradient(loss: Callable, weights: list) -> tuple[tuple, list]:
        """What `loss` of the weights returns, a scalar and more, and the gradient of the scalar."""
        return jax.value_and_grad(loss, has_aux=True)(weights)
else:
    import tensorflow as tf

    def compiled(function: Callable) -> Callable:
        """The function as one XLA program for each shape of its arguments."""
        return tf.function(_one_at_a_time(function), jit_compile=True, autograph=False)

    def with_gradient(loss: Callable, weights: list) -> tuple[tuple, list]:
        """What `loss` of the weights returns, a scalar and more, and the gradient of the scalar."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(weights)
            value = loss(weights)
        return value, tape.gradient(value[0], weights)
