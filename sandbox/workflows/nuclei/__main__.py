"""What the container runs."""

import sys

from sandbox.workflows.nuclei.command import main

sys.exit(main(sys.argv[1:]))
