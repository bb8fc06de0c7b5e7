"""One file a flow; each reads like the paragraph that describes it."""
