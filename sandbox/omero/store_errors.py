"""Why the store refuses."""

from __future__ import annotations


class StoreError(Exception):
    """The store refuses: the message names the class, field or record."""


class UnknownClassError(StoreError):
    """No class of that name in OMERO's model."""


class UnknownFieldError(StoreError):
    """No field of that name in the class."""


class WrongValueError(StoreError):
    """A value that the field cannot hold."""


class UnknownEnumerationError(StoreError):
    """A value that a closed enumeration does not have."""


class DanglingReferenceError(StoreError):
    """A transaction deleted a record that others still refer to."""


class AbsentRecordError(StoreError):
    """A record that was deleted, or is of another store."""
