"""The two parts of the LSTM that are written for speed give what stock Keras and TensorFlow give."""

import numpy as np
import pytest
import tensorflow as tf

from forefolio.forecasts import layers
from forefolio.forecasts.layers import compiled, keras


@pytest.mark.parametrize("shape, rate, seed", [  # each pair of two of them
    ((4, 3, 5, 8), 0.3, 0), ((3, 7), 0.85, 0), ((4, 3, 5, 8), 0.85, 5), ((3, 7), 0.3, 5),
    ((4, 3, 5, 8), 0.3, 2**31 + 7), ((3, 7), 0.85, 2**31 + 7)])
def test_dropout_makes_the_draws_of_stock_keras(shape, rate, seed):
    values = tf.random.normal(shape, seed=1)
    ours, theirs = keras.random.SeedGenerator(seed), keras.random.SeedGenerator(seed)
    mine = compiled(lambda values: [layers.dropout(values, rate, ours) for _ in range(2)])(values)
    stock = compiled(lambda values: [keras.random.dropout(values, rate, seed=theirs) for _ in range(2)])(values)
    np.testing.assert_array_equal(mine, stock)
    np.testing.assert_array_equal(ours.state, theirs.state)
    assert (mine[0] != mine[1]).numpy().any(), "each draw is a new one"


@pytest.mark.parametrize("rate", [0.0, 0.3])
def test_dropout_in_double_precision_is_stock_keras_own(rate):
    values = tf.ones((2, 3), tf.float64)
    mine = layers.dropout(values, rate, keras.random.SeedGenerator(4))
    np.testing.assert_array_equal(mine, keras.random.dropout(values, rate, seed=keras.random.SeedGenerator(4)))


def test_the_counter_of_the_draws_carries_into_its_upper_half(monkeypatch):
    key, start = tf.constant([3], tf.uint64), tf.constant([2**64 - 1, 6], tf.uint64)
    monkeypatch.setattr(tf.raw_ops, "StatelessRandomGetKeyCounter", lambda seed: (key, start))
    stock = compiled(lambda: tf.raw_ops.StatelessRandomUniformV2(shape=(8,), key=key, counter=start, alg=1))()
    np.testing.assert_array_equal(layers._uniform((8,), seed=None), stock)


def test_the_gradient_of_a_product_is_that_of_matmul():
    rng = np.random.default_rng(2)
    kernel, inputs, upstream = (tf.constant(rng.normal(size=(2, 3, *shape)), tf.float32) for shape in ((4, 8), (8, 16), (4, 16)))

    def gradients(product):
        with tf.GradientTape() as tape:
            tape.watch([kernel, inputs])
            value = product(kernel, inputs)
        return [value, *tape.gradient(value, [kernel, inputs], output_gradients=upstream)]

    ours = compiled(lambda: gradients(lambda kernel, inputs: layers._product(kernel, tf.linalg.matrix_transpose(kernel), inputs)))()
    for mine, stock in zip(ours, compiled(lambda: gradients(tf.matmul))()):
        np.testing.assert_array_equal(mine, stock)
