// A log shows its end, and keeps showing it, unless the reader has scrolled up.

const NEAR = 24;
const readers = new Map<string, number>();

/** Called for what is on the page and for what htmx has put in: a new part has a new element. */
export function followLogs(root: ParentNode): void {
  for (const log of root.querySelectorAll<HTMLElement>("[data-follows]")) {
    const place = log.parentElement?.id ?? "";
    const kept = readers.get(place);
    log.scrollTop = kept ?? log.scrollHeight;
    log.addEventListener("scroll", () => {
      const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;
      if (isAtEnd) readers.delete(place);
      else readers.set(place, log.scrollTop);
    });
  }
}
