"""Train multilayer perceptrons with PyTorch from a terminal."""

import os

__version__ = "0.1.0"

# pydantic would search every installed package for plugins: 25 ms of each start, for nothing we use
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
