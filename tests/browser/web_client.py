"""OMERO.web's pages as a person uses them: log in, open an object, read the panels, annotate, search, delete."""

from __future__ import annotations

import re

from playwright.sync_api import BrowserContext, Locator, Page, Response, expect


class WebClient:
    """One account's OMERO.web in a browser context of its own.

    `faults` collects what a test would otherwise not notice: answers of status 500 and more, errors in scripts.
    """

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context = context
        self.url = url
        self.faults: list[str] = []
        self.page = self._open_page()

    def _open_page(self) -> Page:
        page = self.context.new_page()
        page.on("response", self._note_failure)
        page.on("pageerror", lambda error: self.faults.append(f"{page.url}: {error}"))
        return page

    def _note_failure(self, response: Response) -> None:
        if response.status >= 500:
            self.faults.append(f"{response.status} {response.request.method} {response.url}")

    def log_in(self, user: str, password: str) -> None:
        self.page.goto(f"{self.url}/webclient/login/")
        self.page.fill("#id_username", user)
        self.page.fill("#id_password", password)
        self.page.locator("input[type=submit]").click()
        expect(self.tree_nodes.first).to_be_visible()

    # ---- the tree

    @property
    def tree_nodes(self) -> Locator:
        return self.page.locator("#dataTree .jstree-anchor")

    def tree_node(self, name: str) -> Locator:
        return self.tree_nodes.filter(has_text=re.compile(rf"^\s*{re.escape(name)}\s*\d*\s*$"))

    def show(self, kind: str, object_id: int) -> None:
        """Open the tree at an object, by the link the reports give; until its panel is there."""
        self.page.goto(f"{self.url}/webclient/?show={kind}-{object_id}")
        self.wait_for_panel(kind, object_id)

    def refuses_to_show(self, kind: str, object_id: int) -> bool:
        """Whether OMERO.web answers such a link as it does for what is not there or not to be seen."""
        answer = self.context.request.get(f"{self.url}/webclient/api/paths_to_object/?{kind}={object_id}")
        assert answer.ok, answer.status
        return answer.json() == {"paths": []}

    def open_tree(self, group: str, owner: str) -> None:
        """Choose a group and whose objects to see, in the menu above the tree."""
        self.page.goto(f"{self.url}/webclient/")
        self.page.locator("#groupsUsersButton").click()
        self.page.locator("#groupList a", has_text=group).hover()
        self.page.locator("ul.usersList:visible a", has_text=owner).click()
        expect(self.page.locator("#groupsUsersButton")).to_contain_text(group)
        expect(self.tree_nodes.first).to_be_visible()

    def groups(self) -> list[str]:
        """The groups to choose from."""
        self.page.goto(f"{self.url}/webclient/")
        self.page.locator("#groupsUsersButton").click()
        entries = self.page.locator("#groupList li a")
        expect(entries.first).to_be_visible()
        return [text.strip() for text in entries.all_inner_texts()]

    # ---- the middle

    @property
    def thumbnails(self) -> Locator:
        return self.page.locator("#dataIcons li.row img")

    @property
    def wells(self) -> Locator:
        """The wells of the plate that have an image."""
        return self.page.locator("#spw td.well img")

    @property
    def fields(self) -> Locator:
        """The fields of the chosen well, below the plate."""
        return self.page.locator("#wellImages li img")

    # ---- the right panel

    def wait_for_panel(self, kind: str, object_id: int) -> None:
        expect(self.page.locator("#object-id")).to_have_text(f"{kind}-{object_id}")

    def details(self) -> dict[str, str]:
        """The table of the General tab, for example `Channels: -> DAPI, GFP`."""
        rows = self.page.locator("#general_tab table tr:visible")
        expect(rows.first).to_be_visible()
        found = {}
        for row in rows.all():
            cells = [text.strip() for text in row.locator("th, td").all_inner_texts()]
            if len(cells) >= 2:
                found[cells[0].rstrip(":")] = cells[1]
        return found

    def unfold(self, pane: str) -> None:
        """Open a part of the General tab: tags, keyvaluepairs, attachments, comments ..."""
        heading = self.page.locator(f"#general_tab h1[data-name={pane}]")
        expect(heading).to_be_visible()
        if "closed" in (heading.get_attribute("class") or ""):
            heading.click()

    def key_values(self, namespace: str) -> dict[str, str]:
        """The pairs of the map annotation with that namespace, as they are shown."""
        self.unfold("keyvaluepairs")
        table = self.page.locator("#mapAnnsPane table.keyValueTable", has_text=namespace).first
        expect(table).to_be_visible()
        pairs = {}
        for row in table.locator("tbody tr").all():
            cells = [text.strip() for text in row.locator("td").all_inner_texts()]
            if len(cells) == 2:
                pairs[cells[0]] = cells[1]
        return pairs

    def add_key_value(self, key: str, value: str) -> None:
        """Type a pair and wait until the value is saved.

        OMERO.web saves a second after each cell was left, so a slow typist's key is saved once without its
        value: the first answer is not always the one to wait for.
        """
        self.unfold("keyvaluepairs")
        self.page.locator("#mapAnnsPane tr.placeholder td").first.click()
        self.page.keyboard.type(key)
        self.page.keyboard.press("Tab")
        self.page.keyboard.type(value)
        with self.page.expect_response(
            lambda response: "/annotate_map/" in response.url and value in (response.request.post_data or "")
        ) as answer:
            self.page.keyboard.press("Enter")
        assert answer.value.ok

    @property
    def tags(self) -> Locator:
        return self.page.locator("#tags_container .tag")

    def add_tag(self, name: str) -> None:
        """Make a new tag in the form and put it on the object."""
        self.unfold("tags")
        self.page.locator("#launch_tags_form").click()
        self.page.locator("#id_tag").press_sequentially(name)
        self.page.locator("#id_add_new_tag").click()
        with self.page.expect_response(re.compile("/annotate_tags/")) as answer:
            self.page.locator(".ui-dialog-buttonset button:visible", has_text="Save").click()
        assert answer.value.ok

    def open_preview(self) -> Locator:
        """The Preview tab's picture."""
        with self.page.expect_response(re.compile("/render_image")):
            self.page.locator("#annotation_tabs a", has_text="Preview").click()
        return self.page.locator("#viewport-vp")

    # ---- other pages

    def search(self, words: str) -> Locator:
        """The rows found; one's own objects in all one's groups."""
        self.page.goto(f"{self.url}/webclient/search/?search_query={words}")
        expect(self.page.locator("#dataTable, #content_details .message_nodata").first).to_be_visible()
        return self.page.locator("#dataTable tbody tr")

    def delete_selected(self) -> None:
        self.page.locator("#deleteButton").click()
        self.page.locator(".ui-dialog-buttonset button:visible", has_text="Yes").click()

    def open_viewer(self, image: int) -> Page:
        """The full viewer in a window of its own, once it has shown the image."""
        viewer = self._open_page()
        with viewer.expect_response(re.compile("/render_image")):
            viewer.goto(f"{self.url}/webclient/img_detail/{image}/")
        return viewer


def viewer_picture(viewer: Page) -> Locator:
    """The part of the full viewer that the image is painted on."""
    return viewer.locator("#weblitz-viewport-vp")
