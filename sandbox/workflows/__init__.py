"""Workflows of the sandbox's own and their container images, which are built without a registry."""
