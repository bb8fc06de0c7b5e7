"""`make bench`: figures measured on this machine, each beside a peer or a limit of the same run."""
