// Moments come as UTC; they are shown in the reader's own zone, the exact time as a tooltip.

const DAY = 24 * 60 * 60 * 1000;
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const date = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "2-digit", day: "2-digit" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

/** Today's moments as a time of day, others as a date and a time. */
export function sayMoment(moment: Date, now: Date): string {
  const sameDay = moment.toDateString() === now.toDateString();
  if (sameDay) return clock.format(moment);
  const yesterday = new Date(now.getTime() - DAY).toDateString() === moment.toDateString();
  return `${yesterday ? "yesterday" : date.format(moment)} ${clock.format(moment)}`;
}

export function showMoments(root: ParentNode): void {
  const now = new Date();
  for (const element of root.querySelectorAll<HTMLTimeElement>("time[datetime]")) {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    element.textContent = sayMoment(moment, now);
    element.title = exact.format(moment);
  }
}
