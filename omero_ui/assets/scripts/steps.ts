// A dialog in steps: one form, of which one part is shown at a time, so that going back loses nothing. The last step asks
// the server to check all of it.
//
//   <form data-steps> <button data-step-to="NAME"> <section data-step="NAME" hidden> <button data-step-back|next>

function sections(form: HTMLElement): HTMLElement[] {
  return [...form.querySelectorAll<HTMLElement>("section[data-step]")];
}

function shownIndex(all: HTMLElement[]): number {
  return Math.max(0, all.findIndex((section) => !section.hidden));
}

function showStep(form: HTMLElement, index: number): void {
  const all = sections(form);
  const shown = all[index];
  if (!shown) return;
  for (const section of all) section.hidden = section !== shown;
  for (const button of form.querySelectorAll<HTMLElement>(".dialog-path [data-step-to]")) {
    if (button.dataset["stepTo"] === shown.dataset["step"]) button.setAttribute("aria-current", "step");
    else button.removeAttribute("aria-current");
  }
  const back = form.querySelector<HTMLElement>("[data-step-back]");
  const next = form.querySelector<HTMLElement>("[data-step-next]");
  if (back) back.hidden = index === 0;
  if (next) next.hidden = index === all.length - 1;
  if (index === all.length - 1) shown.querySelector("[hx-trigger='flows:check']")?.dispatchEvent(new Event("flows:check"));
  window.scrollTo({ top: 0 });
}

export function walkThroughSteps(): void {
  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target.closest<HTMLElement>("button") : null;
    const form = target?.closest<HTMLElement>("[data-steps]");
    if (!target || !form) return;
    const all = sections(form);
    if (target.dataset["stepTo"] !== undefined) {
      showStep(form, all.findIndex((section) => section.dataset["step"] === target.dataset["stepTo"]));
    } else if ("stepBack" in target.dataset) showStep(form, shownIndex(all) - 1);
    else if ("stepNext" in target.dataset) showStep(form, shownIndex(all) + 1);
  });
  // Enter in a field leads on; only the button of the last step runs anything.
  document.addEventListener("keydown", (event) => {
    const target = event.target;
    if (event.key !== "Enter" || !(target instanceof HTMLInputElement) || !target.closest("[data-steps]")) return;
    event.preventDefault();
  });
}

/** Filling in what belongs to a choice chooses it; a group that is chosen is gone to. */
export function followChoices(): void {
  document.addEventListener("input", (event) => {
    const target = event.target;
    if (!(target instanceof HTMLInputElement || target instanceof HTMLSelectElement)) return;
    const value = target.dataset["chooses"];
    const radio = value === undefined ? null : target.form?.querySelector<HTMLInputElement>(`input[type=radio][value="${value}"]`);
    if (radio) radio.checked = true;
    if (target.dataset["goesTo"] !== undefined) location.assign(target.dataset["goesTo"] + encodeURIComponent(target.value));
  });
}
