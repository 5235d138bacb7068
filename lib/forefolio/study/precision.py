"""The numeric settings of networks: Keras uses these, whatever the user's home folder says.

They have a module of their own, so that a change of a title or color elsewhere does not retrain networks.
"""

KERAS = {"floatx": "float32", "epsilon": 1e-7, "image_data_format": "channels_last", "dtype_policy": "float32"}
