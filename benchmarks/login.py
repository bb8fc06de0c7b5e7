"""A session of OMERO.web over HTTP, as a browser has it."""

from __future__ import annotations

import re

import httpx

from sandbox.site import Site


def log_in(site: Site, user: str) -> httpx.Client:
    """The session; it ends with its client.

    Raises:
        RuntimeError: OMERO.web does not let the user in.
    """
    browser = httpx.Client(base_url=site.web_url, follow_redirects=True, timeout=120)
    page = browser.get("/webclient/login/")
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    if token is None:
        raise RuntimeError("OMERO.web's login page has no form")
    form = {"username": user, "password": site.password(user), "server": "1", "csrfmiddlewaretoken": token[1]}
    page = browser.post("/webclient/login/", data=form, headers={"Referer": f"{site.web_url}/webclient/login/"})
    if "id_password" in page.text:
        raise RuntimeError(f"OMERO.web did not let {user} in")
    return browser
