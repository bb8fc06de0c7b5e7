// The designer: the form as people will see it, drawn while its schema is written.
//
//   <textarea data-schema-source="ID of an element"></textarea>   <div id="ID of an element"></div>

import { SchemaForm } from "./form";
import { isSchema, type Json } from "./drawable";

/** Drawing waits until nobody has typed for so long. */
const PAUSE_MS = 300;

export function showPreviews(root: ParentNode): void {
  for (const source of root.querySelectorAll<HTMLTextAreaElement>("textarea[data-schema-source]")) {
    const place = document.getElementById(source.dataset["schemaSource"] ?? "");
    source.removeAttribute("data-schema-source");
    if (place) followSource(source, place);
  }
}

function followSource(source: HTMLTextAreaElement, place: HTMLElement): void {
  let form: SchemaForm | null = null;
  let values: Json = {};
  let timer = 0;
  const draw = (): void => {
    const schema = parse(source.value);
    place.classList.toggle("is-old", schema === null);
    if (schema === null) return; // the last form that could be drawn stays
    form?.destroy();
    place.replaceChildren();
    try {
      form = new SchemaForm(place, { schema, values }, (changed) => (values = changed));
    } catch {
      // The server says what is wrong with the schema; here the old form would only mislead.
      form = null;
      place.textContent = "This cannot be drawn.";
    }
  };
  source.addEventListener("input", () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(draw, PAUSE_MS);
  });
  draw();
}

function parse(text: string): Record<string, Json> | null {
  try {
    const value = JSON.parse(text) as Json;
    return isSchema(value) ? value : null;
  } catch {
    return null;
  }
}
