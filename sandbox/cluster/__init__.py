"""A small Slurm cluster on this machine: munge, slurmctld, virtual nodes, accounting, and sshd in front of it."""

# The site's supervisor imports the services of this package. Whoever imports this package first therefore
# imports the site first, whole, or each would find the other half made.
import sandbox.site  # noqa: F401
