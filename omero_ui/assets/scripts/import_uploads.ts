// Uploads into the folder that is open: Uppy's board in a dialog, the tus protocol below it. A file of its own, which
// other pages do without; with the page's own scripts it speaks by events.
import Uppy from "@uppy/core";
import Dashboard from "@uppy/dashboard";
import Tus from "@uppy/tus";

const MEGABYTE = 1_000_000;
const GIGABYTE = 1_000_000_000;

type Meta = { group: string; folder: string; filename: string };

function csrfToken(): string {
  const headers: unknown = JSON.parse(document.body.getAttribute("hx-headers") ?? "{}");
  return typeof headers === "object" && headers !== null && "X-CSRFToken" in headers ? String(headers["X-CSRFToken"]) : "";
}

function makeUppy(board: HTMLElement, open: HTMLElement): Uppy<Meta> {
  const uppy = new Uppy<Meta>({
    restrictions: { maxFileSize: Number(open.dataset.most) * GIGABYTE, minFileSize: 1 },
  });
  uppy.use(Dashboard, {
    target: board,
    inline: true,
    width: "100%",
    height: 380,
    proudlyDisplayPoweredByUppy: false,
    showRemoveButtonAfterComplete: true,
    note: `At most ${open.dataset.most ?? ""} GB a file.`,
  });
  uppy.use(Tus, {
    endpoint: open.dataset.endpoint ?? "",
    chunkSize: Number(open.dataset.chunk) * MEGABYTE,
    limit: 2,
    retryDelays: [0, 1000, 3000, 10000, 30000],
    allowedMetaFields: ["group", "folder", "filename"],
    headers: { "X-CSRFToken": csrfToken(), "HX-Request": "true" },
    removeFingerprintOnSuccess: true,
  });
  return uppy;
}

function tellOf(folder: string, name: string): void {
  const path = folder === "" ? name : `${folder}/${name}`;
  document.dispatchEvent(new CustomEvent<string>("flows:uploaded", { detail: path }));
}

function lookAgain(): void {
  document.querySelector("#folder")?.dispatchEvent(new Event("look-again"));
}

function offerUploads(): void {
  const dialog = document.querySelector<HTMLDialogElement>("#upload");
  const board = document.querySelector<HTMLElement>("#upload-board");
  const title = document.querySelector<HTMLElement>("#upload-folder");
  if (!dialog || !board || !title) return;
  let uppy: Uppy<Meta> | undefined;
  let folder = "";
  document.addEventListener("click", (event) => {
    const open = event.target instanceof Element ? event.target.closest<HTMLElement>("#upload-open") : null;
    if (!open) return;
    folder = open.dataset.folder ?? "";
    const group = open.dataset.group ?? "";
    title.textContent = open.dataset.shown ?? "";
    if (!uppy) {
      uppy = makeUppy(board, open);
      uppy.on("file-added", (file) => {
        uppy?.setFileMeta(file.id, { group, folder, filename: file.name });
      });
      uppy.on("upload-success", (file) => {
        if (file) tellOf(file.meta.folder, file.meta.filename);
      });
      uppy.on("complete", lookAgain);
    }
    dialog.showModal();
  });
  document.querySelector("#upload-close")?.addEventListener("click", () => {
    dialog.close();
  });
}

document.addEventListener("DOMContentLoaded", offerUploads);
