// Everything that the pages do in the browser besides htmx. One small module each.
import "htmx.org";

import { showMoments } from "./moments";
import { bringImportToLife } from "./import_list";
import { openRowsByKeyboard, focusSearchBySlash } from "./keyboard";

function enliven(root: ParentNode): void {
  showMoments(root);
}

document.addEventListener("DOMContentLoaded", () => {
  enliven(document);
  openRowsByKeyboard();
  focusSearchBySlash();
  bringImportToLife();
});
// What htmx has put in is enlivened as the page was.
document.addEventListener("htmx:load", (event) => {
  if (event.target instanceof HTMLElement) enliven(event.target);
});
