"""The example forms as a step of the site's start."""

from __future__ import annotations

from sandbox.site.service import Service, Unhealthy, python


class ExampleForms(Service):
    """Puts the forms of `sandbox/samples/forms` in once OMERO is up, and ends."""

    name = "forms"
    needs = ("omero",)
    runs_once = True

    def command(self) -> list[str]:
        return python("-m", "sandbox.samples.example_forms", str(self.home.root))

    def check(self) -> None:
        raise Unhealthy("not finished yet")
