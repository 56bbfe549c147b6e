"""Train multilayer perceptrons with PyTorch from a terminal."""

__version__ = "0.1.0"
