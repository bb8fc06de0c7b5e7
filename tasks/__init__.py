"""One file a kind of work: each task takes contracts and blocks and returns contracts."""
