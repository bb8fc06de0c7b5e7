"""What the tests of tasks share."""

from tests.post_office import post_office

__all__ = ["post_office"]
