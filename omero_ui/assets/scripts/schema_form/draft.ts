// What somebody has begun to fill in stays in this browser until it is saved on the server.

import type { Json } from "./drawable";

const PREFIX = "omero-flows-draft:";
/** Drafts older than this are forgotten. */
const KEPT_MS = 30 * 24 * 60 * 60 * 1000;

export interface Draft {
  at: number;
  values: Json;
}

export function readDraft(key: string): Draft | null {
  const text = localStorage.getItem(PREFIX + key);
  if (text === null) return null;
  const draft = JSON.parse(text) as Draft;
  if (Date.now() - draft.at < KEPT_MS) return draft;
  forgetDraft(key);
  return null;
}

export function hasDraft(key: string): boolean {
  return readDraft(key) !== null;
}

export function keepDraft(key: string, values: Json): void {
  localStorage.setItem(PREFIX + key, JSON.stringify({ at: Date.now(), values }));
}

export function forgetDraft(key: string): void {
  localStorage.removeItem(PREFIX + key);
}
