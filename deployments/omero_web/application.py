"""The WSGI application gunicorn runs: omero-web as published, and beside it its static files.

WhiteNoise serves them from where each installed app has them, so that no copy (`omero web syncmedia`) is made at the
first start, or forgotten after an update.
"""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from omeroweb.wsgi import application as omero_web
from whitenoise import WhiteNoise


def find_static_folders() -> list[Path]:
    """Each installed app's own folder of static files."""
    return sorted({Path(storage.path("")) for finder in get_finders() for _, storage in finder.list(None)})


def serve_static_files(folders: list[Path]) -> WhiteNoise:
    application = WhiteNoise(omero_web)
    for folder in folders:
        application.add_files(str(folder), prefix=settings.STATIC_URL)
    return application


def link_static_files(folders: list[Path]) -> None:
    """Let OMERO.web find the files it reads itself: its table of colour lookup tables is read from STATIC_ROOT."""
    root = Path(settings.STATIC_ROOT)
    root.mkdir(parents=True, exist_ok=True)
    for source in (entry for folder in folders for entry in folder.iterdir()):
        link = root / source.name
        if link.is_symlink():
            link.unlink()  # a reinstalled package may lie elsewhere
        if not link.exists():
            link.symlink_to(source)


_folders = find_static_folders()
link_static_files(_folders)
application = serve_static_files(_folders)
