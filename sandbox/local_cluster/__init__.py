"""A local job runner that stands for Slurm where that cannot be installed: an SSH server and a queue.

What a client sees is the same: one account that logs in by key at a host whose key is pinned, and sbatch, squeue,
sacct, scontrol, scancel and sinfo on its PATH, which take and print what the blocks ask for (`sandbox.slurm_commands`).
Behind them is no scheduler of many users: one node, jobs as children of one process, as the account that started the
site. It is for trying the flows without root. What it has not, it refuses by name.
"""

# As in `sandbox.cluster`: the site's supervisor imports this package, and must be whole before it.
import sandbox.site  # noqa: F401
