// A form with data-submits-itself is sent as soon as a choice in it changes; text is sent by Enter.

export function submitChoices(): void {
  document.addEventListener("change", (event) => {
    if (!(event.target instanceof HTMLSelectElement || event.target instanceof HTMLInputElement)) return;
    if (event.target instanceof HTMLInputElement && event.target.type === "search") return;
    const form = event.target.form;
    if (form && "submitsItself" in form.dataset) form.requestSubmit();
  });
}
