"""The same code trains on JAX (`KERAS_BACKEND=jax`, the extra `jax`) and finds what TensorFlow finds."""

import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest

from forefolio.forecasts import asset_networks, training
from forefolio.forecasts.architectures import CNN1D, Recurrent

JAX = importlib.util.find_spec("jax") is not None
LOOKBACK, ASSETS = 6, ["A", "B"]
NETWORKS = {"lstm": Recurrent("lstm", 2, 3, 0.0, 0.0), "gru": Recurrent("gru", 1, 3, 0.0, 0.0),
            "cnn1d": CNN1D(1, 4, 3, 2, 5, 0.0)}
TRAINING = training.Training(lookback=LOOKBACK, epochs=3, batch_size=16, learning_rate=0.01, patience=3,
                             train_end="2020-01-01", validation_end="2020-02-01", seed=4)


def trained(name, weights=None):
    """Initial weights, history and forecasts of a network trained on a few made-up samples."""
    scores = np.random.default_rng(2).normal(size=(60, 2)).astype("float32")
    windows = np.lib.stride_tricks.sliding_window_view(scores, LOOKBACK, axis=0).swapaxes(1, 2)[:-1]
    targets = scores[LOOKBACK:]
    model = asset_networks.build(NETWORKS[name], n_assets=2, lookback=LOOKBACK, seed=1)
    if weights:
        model.set_weights(weights)
    weights = model.get_weights()
    data = windows[:40], targets[:40], windows[40:], targets[40:]
    history = training.train(model, data, training=TRAINING, seed=4, assets=ASSETS, program=training.programs(model))
    return weights, history, np.asarray(model.predict_on_batch(windows[40:]))


@pytest.mark.usefixtures("eagerly")  # TensorFlow's programs are compared with stock Keras elsewhere
@pytest.mark.skipif(not JAX and not os.environ.get("CI"), reason="the extra jax is not installed")
def test_training_on_jax_is_that_on_tensorflow(tmp_path):
    assert JAX, "the extra jax is not installed"
    ours = {name: trained(name) for name in NETWORKS}
    for name, (weights, _, _) in ours.items():
        np.savez(tmp_path / f"{name}.npz", *weights)
    done = subprocess.run([sys.executable, __file__, str(tmp_path)], env=os.environ | {"KERAS_BACKEND": "jax"},
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name, (_, history, forecasts) in ours.items():
        on_jax = np.load(tmp_path / f"{name}_jax.npz")
        assert str(on_jax["backend"]) == "jax"
        np.testing.assert_allclose(on_jax["losses"], history[["loss", "validation_loss"]], rtol=1e-4)
        np.testing.assert_allclose(on_jax["forecasts"], forecasts, atol=1e-3 * forecasts.std())


if __name__ == "__main__":
    folder, = sys.argv[1:]
    for name in NETWORKS:
        with np.load(f"{folder}/{name}.npz") as file:
            initial = [file[key] for key in file]
        _, history, forecasts = trained(name, initial)
        np.savez(f"{folder}/{name}_jax.npz", backend=asset_networks.keras.backend.backend(), forecasts=forecasts,
                 losses=history[["loss", "validation_loss"]].to_numpy())
