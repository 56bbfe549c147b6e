"""Training itself: may import torch, knows no terminal."""
