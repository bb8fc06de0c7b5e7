// "/" goes to the search field, Enter on a row of a list opens it, Esc closes the account menu.

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea, select"));
}

export function focusSearchBySlash(): void {
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !isTyping(event.target) && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const search = document.querySelector<HTMLInputElement>("input[type=search]");
      if (search) {
        event.preventDefault();
        search.focus();
        search.select();
      }
    }
    if (event.key === "Escape") {
      for (const menu of document.querySelectorAll<HTMLDetailsElement>("details.account[open]")) menu.open = false;
    }
  });
}

export function openRowsByKeyboard(): void {
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.target instanceof HTMLTableRowElement)) return;
    event.target.querySelector<HTMLAnchorElement>("a[href]")?.click();
  });
}
