"""The Import page: what lies in the group's folder, what is to be imported, where to, and uploads."""
