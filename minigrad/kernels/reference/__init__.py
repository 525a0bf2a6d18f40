"""The specification of every kernel: plain NumPy, slow and obvious."""
