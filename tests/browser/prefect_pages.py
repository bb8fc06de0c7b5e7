"""The Prefect UI's pages as an admin uses them."""

from __future__ import annotations

from playwright.sync_api import BrowserContext, Locator, Page, expect


class PrefectPages:
    """One window on the Prefect UI; what it asks the API goes with the site's user and password."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.url = url
        self.page: Page = context.new_page()

    def log_in(self, auth: str) -> None:
        """Answer the page that asks for `user:password`."""
        self.page.goto(self.url)
        self.page.locator("input[type=password]").fill(auth)
        self.page.keyboard.press("Enter")
        expect(self.page.locator("input[type=password]")).to_be_hidden()

    def open_runs(self) -> None:
        self.page.goto(f"{self.url}/runs")

    def open_run(self, run: str) -> None:
        self.page.goto(f"{self.url}/runs/flow-run/{run}")

    def open_tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name).or_(self.page.locator(f"li#{name.lower().replace(' ', '-')}")).click()

    def open_artifact(self, artifact: str) -> Locator:
        """An artifact's page; its table."""
        self.page.goto(f"{self.url}/artifacts/artifact/{artifact}")
        table = self.page.locator("table").first
        expect(table).to_be_visible()
        return table
