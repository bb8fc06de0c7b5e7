"""Hibernate Query Language over the embedded OMERO's store.

A query is read to a syntax tree (lexer, parser), compiled against the object model to closures (compiler,
paths, functions, predicates, aggregates), planned (planner, sources, joins) and run (plan, results). What
is not known (a property, a class, a function, a construct) is refused by name with HqlError, never
guessed.
"""

from sandbox.omero.hql.errors import HqlError
from sandbox.omero.hql.results import find_all, project

__all__ = ["HqlError", "find_all", "project"]
