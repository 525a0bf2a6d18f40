"""The numba twins of `reference`. Importing one of these modules imports numba; nothing else in the package does."""
