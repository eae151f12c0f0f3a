"""The package is beside its tests."""
