"""A trained net for other programs: as weights, ONNX, torch.export's program, or a PyTorch program that repeats it."""
