"""OMERO.web over HTTP as one account, without a browser: what the server allows, whatever a page shows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import TracebackType

import httpx

from sandbox.site import Site


class WebVisitor:
    """A session with cookies. `user` None stays logged out. Redirects are not followed.

    `password`: of an account that a test made; the site knows its own.
    """

    def __init__(self, site: Site, user: str | None, password: str | None = None) -> None:
        self.client = httpx.Client(base_url=site.web_url, timeout=60, trust_env=False)
        if user is None:
            return
        form = self.client.get("/webclient/login/")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form.text)
        server = re.search(r'name="server"[^>]*value="(\d+)"', form.text)
        assert token, "OMERO.web's login page has changed"
        answer = self.client.post(
            "/webclient/login/",
            data={
                "username": user,
                "password": password or site.password(user),
                "csrfmiddlewaretoken": token[1],
                "server": server[1] if server else "1",
            },
            headers={"Referer": f"{site.web_url}/webclient/login/"},
        )
        assert answer.status_code == 302, f"{user} cannot log in: {answer.status_code}"

    def __enter__(self) -> WebVisitor:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.client.close()

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.client.get(path, headers=headers)

    def post(
        self, path: str, data: Mapping[str, str | list[str]] | None = None, *, csrf: bool = True
    ) -> httpx.Response:
        """As a form of a page sends it; `csrf` False leaves the token out, as a page of another site must."""
        headers = {"X-CSRFToken": self.client.cookies.get("csrftoken", "")} if csrf else {}
        return self.client.post(path, data=data or {}, headers=headers)
