// The list of the Import page is kept in this browser until it is cleared: a session that ends, a page that is closed
// or a server that is away loses nothing. The server checks all of it again whenever it comes back.
import htmx from "htmx.org";

import { hasDraft } from "./schema_form/draft";

function keyOf(desk: HTMLElement): string {
  return `flows/import/${desk.dataset.user ?? ""}/${desk.dataset.group ?? ""}`;
}

function draftOf(list: ParentNode): HTMLInputElement | null {
  return list.querySelector<HTMLInputElement>("#draft");
}

function holdsItems(draft: string): boolean {
  try {
    const parsed: unknown = JSON.parse(draft);
    return typeof parsed === "object" && parsed !== null && "items" in parsed && Array.isArray(parsed.items) && parsed.items.length > 0;
  } catch {
    return false;
  }
}

/** Show in the tree which dataset or screen the list goes to. */
function markTarget(): void {
  const target = document.querySelector<HTMLElement>("#list")?.dataset.target ?? "";
  for (const node of document.querySelectorAll<HTMLElement>("[data-node]")) {
    if (target !== "" && node.dataset.node === target) node.setAttribute("aria-current", "true");
    else node.removeAttribute("aria-current");
  }
}

function keep(desk: HTMLElement, list: HTMLElement): void {
  const draft = draftOf(list)?.value ?? "";
  if (holdsItems(draft) || list.dataset.target) localStorage.setItem(keyOf(desk), draft);
  else localStorage.removeItem(keyOf(desk));
}

function restore(desk: HTMLElement): void {
  const kept = localStorage.getItem(keyOf(desk));
  const draft = draftOf(document);
  const address = desk.dataset.list;
  if (kept === null || draft === null || address === undefined) return;
  // An address that names a place ("Import here…" in the webclient) directs the list that is kept, once.
  const directed = desk.dataset.directed;
  const values = directed === undefined ? { do: "show", draft: kept } : { do: "direct", draft: kept, target: directed };
  void htmx.ajax("post", address, { target: "#list", swap: "outerHTML", values });
}

/** A list that the server cannot read any more, after an update of the panel, is given up. */
function giveUp(desk: HTMLElement, event: Event): void {
  const detail = (event as CustomEvent<{ xhr?: XMLHttpRequest; requestConfig?: { parameters?: unknown } }>).detail;
  if (detail.xhr?.status === 400 && detail.xhr.responseURL.endsWith(desk.dataset.list ?? "\n")) {
    const kept = localStorage.getItem(keyOf(desk));
    if (kept !== null && draftOf(document)?.value !== kept) localStorage.removeItem(keyOf(desk));
  }
}

function keepTheList(desk: HTMLElement): void {
  document.addEventListener("htmx:afterSwap", () => {
    const list = document.querySelector<HTMLElement>("#list");
    if (!list) return;
    keep(desk, list);
    markTarget();
    if (list.dataset.where) location.assign(list.dataset.where);
  });
  document.addEventListener("htmx:responseError", (event) => {
    giveUp(desk, event);
  });
  restore(desk);
  const here = new URL(location.href);
  if (here.searchParams.has("target")) {
    here.searchParams.delete("target");
    here.searchParams.set("group", desk.dataset.groupName ?? "");
    history.replaceState(history.state, "", here);
  }
  markTarget();
}

/** The checkbox of the heading ticks, or unticks, every row that is shown. */
function tickAll(): void {
  document.addEventListener("change", (event) => {
    const all = event.target;
    if (!(all instanceof HTMLInputElement) || !("ticksAll" in all.dataset)) return;
    for (const box of document.querySelectorAll<HTMLInputElement>("#entries td.tick input[name=item]")) box.checked = all.checked;
  });
}

/** A choice of another group goes there at once. */
function submitChoices(): void {
  document.addEventListener("change", (event) => {
    const choice = event.target;
    if (choice instanceof HTMLSelectElement && "submits" in choice.dataset) choice.form?.submit();
  });
}

/** Ticks are for one addition: when the list has taken them they go. */
function untickWhatWasAdded(): void {
  document.addEventListener("htmx:afterRequest", (event) => {
    const detail = (event as CustomEvent<{ successful?: boolean; elt?: Element }>).detail;
    if (detail.successful !== true || detail.elt?.id !== "add") return;
    for (const box of document.querySelectorAll<HTMLInputElement>("#folder input[type=checkbox]")) box.checked = false;
  });
}

/** What was uploaded is what somebody wants to import. */
function addWhatWasUploaded(desk: HTMLElement): void {
  let added: Promise<void> = Promise.resolve();
  document.addEventListener("flows:uploaded", (event) => {
    const path = (event as CustomEvent<string>).detail;
    const address = desk.dataset.list;
    if (address === undefined) return;
    // One after the other: each addition needs the list that the one before has made.
    added = added.then(() => {
      const values = { do: "add", draft: draftOf(document)?.value ?? "", item: JSON.stringify([path, null, ""]) };
      return htmx.ajax("post", address, { target: "#list", swap: "outerHTML", values });
    });
  });
}

/** A form in which something was begun is ticked again when the page comes back: its draft is kept (schema_form/draft.ts). */
function tickBegunForms(): void {
  document.addEventListener("htmx:afterSettle", (event) => {
    if (!(event.target instanceof HTMLElement) || !event.target.classList.contains("order-forms")) return;
    for (const box of event.target.querySelectorAll<HTMLInputElement>("[data-fills]")) {
      if (box.checked || !hasDraft(box.dataset.fills ?? "")) continue;
      box.checked = true;
      box.dispatchEvent(new Event("change", { bubbles: true }));
    }
  });
}

export function bringImportToLife(): void {
  const desk = document.querySelector<HTMLElement>(".desk");
  if (!desk) return;
  keepTheList(desk);
  tickAll();
  submitChoices();
  untickWhatWasAdded();
  addWhatWasUploaded(desk);
  tickBegunForms();
}
