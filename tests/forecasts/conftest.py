"""What tests of networks share: TensorFlow without its compiler, where compiling takes longer than the training."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def eagerly() -> Iterator[None]:
    """Run every operation as it stands in the code."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def compiled(eagerly) -> Iterator[None]:
    """Compile again, for a training of many epochs in a module that does without."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(False)
    yield
    tf.config.run_functions_eagerly(True)
