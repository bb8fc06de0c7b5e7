"""Analyse: workflows to choose from, and the dialog that makes a run of one."""
