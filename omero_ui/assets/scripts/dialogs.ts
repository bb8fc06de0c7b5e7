// <button data-opens="id"> opens a <dialog>; a button with data-closes inside it closes it, as Esc does.

export function openDialogs(): void {
  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element)) return;
    const opener = event.target.closest<HTMLElement>("[data-opens]");
    if (opener?.dataset["opens"]) {
      const dialog = document.getElementById(opener.dataset["opens"]);
      if (dialog instanceof HTMLDialogElement) dialog.showModal();
    }
    event.target.closest("[data-closes]")?.closest("dialog")?.close();
  });
}
