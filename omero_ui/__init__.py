"""The OMERO.web app: Import, Analyse, Runs, Forms, Admin, over Prefect's API. It never imports flows or tasks."""
