"""How it is installed: settings of a site, and what is made in Prefect for it."""
