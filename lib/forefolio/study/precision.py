"""What networks compute with: Keras's settings, whatever a home folder says.

They stand apart, so that no title or color beside them trains a network again.
"""

KERAS = {"floatx": "float32", "epsilon": 1e-7, "image_data_format": "channels_last", "dtype_policy": "float32"}
