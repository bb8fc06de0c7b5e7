// Everything that the pages do in the browser besides htmx. One small module each.
import "htmx.org";

import { openDialogs } from "./dialogs";
import { submitChoices } from "./forms";
import { bringImportToLife } from "./import_list";
import { focusSearchBySlash, openRowsByKeyboard } from "./keyboard";
import { followLogs } from "./logs";
import { showMoments } from "./moments";
import { followChoices, walkThroughSteps } from "./steps";

function enliven(root: ParentNode): void {
  showMoments(root);
  followLogs(root);
}

document.addEventListener("DOMContentLoaded", () => {
  enliven(document);
  openDialogs();
  submitChoices();
  openRowsByKeyboard();
  focusSearchBySlash();
  bringImportToLife();
  walkThroughSteps();
  followChoices();
});
// What htmx has put in is enlivened as the page was.
document.addEventListener("htmx:load", (event) => {
  if (event.target instanceof HTMLElement) enliven(event.target.parentElement ?? event.target);
});
