"""Small but realistic fluorescence images, the same bytes every time, for the demo and the tests."""

from sandbox.samples.sample_files import Sample, write_samples

__all__ = ["Sample", "write_samples"]
