// Forms drawn from JSON Schema; a file of its own, because the library is larger than all the rest of the panel.

import { forgetDraft } from "./schema_form/draft";
import { drawAsked, showTold } from "./schema_form/form";
import { useOurLook } from "./schema_form/look";
import { showPreviews } from "./schema_form/preview";

declare global {
  interface Window {
    DOMPurify?: { sanitize: (text: string) => string };
  }
}

// The library hands titles and descriptions to this before it takes them for HTML. All of them are plain text.
window.DOMPurify = {
  sanitize: (text) =>
    text.replace(/[&<>"']/g, (character) => `&#${String(character.charCodeAt(0))};`),
};

useOurLook();

function enliven(root: ParentNode): void {
  for (const element of root.querySelectorAll<HTMLElement>("[data-draft-saved]")) {
    forgetDraft(element.dataset["draftSaved"] ?? "");
  }
  for (const element of root.querySelectorAll<HTMLElement>("[data-schema-form]")) drawAsked(element);
  for (const element of root.querySelectorAll<HTMLElement>("[data-problems-for]")) showTold(element);
  showPreviews(root);
}

if (document.readyState === "loading") {
  document.addEventListener("DOMContentLoaded", () => {
    enliven(document);
  });
} else {
  enliven(document);
}
document.addEventListener("htmx:load", (event) => {
  // htmx tells of each element that it has put in; what is to be enlivened may be that element itself.
  if (event.target instanceof HTMLElement) enliven(event.target.parentElement ?? event.target);
});
