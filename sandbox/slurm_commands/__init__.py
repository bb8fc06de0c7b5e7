"""Slurm's commands as the local cluster has them (`sandbox.local_cluster`), and the store of jobs they speak to.

Nothing here imports more than Python's own library: a command is run for every question, and shall be up in no time.
"""
