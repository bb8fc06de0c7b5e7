"""A whole site on one machine, for the demo and the tests."""
