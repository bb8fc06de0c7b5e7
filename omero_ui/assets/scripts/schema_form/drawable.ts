// A schema as the library draws it: our own words beside JSON Schema (docs/developer.md, "A form of JSON Schema") and
// those of react-jsonschema-form's uiSchema that OMERO.forms' forms use become its options.

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type Schema = Record<string, Json>;

/** A file that a field with `x-files` may name. */
export interface Attachment {
  id: number;
  name: string;
}

/** Fields that must be filled in come first: their places lie before all others'. */
const AFTER_REQUIRED = 10_000;

export function isSchema(value: Json | undefined): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A changed copy of the schema; the schema itself stays as it is. */
export function makeDrawable(schema: Schema, uiSchema: Schema, attachments: readonly Attachment[]): Schema {
  return drawGroup(structuredClone(schema), uiSchema, attachments);
}

function drawGroup(schema: Schema, ui: Schema, attachments: readonly Attachment[]): Schema {
  const required = Array.isArray(schema["required"]) ? schema["required"] : [];
  const sequence = Array.isArray(ui["ui:order"]) ? ui["ui:order"] : [];
  const fields = isSchema(schema["properties"]) ? schema["properties"] : {};
  Object.entries(fields).forEach(([name, field], place) => {
    if (!isSchema(field)) return;
    const own = isSchema(ui[name]) ? ui[name] : {};
    const wished = typeof field["x-order"] === "number" ? field["x-order"] : sequence.indexOf(name);
    field["propertyOrder"] = (wished >= 0 ? wished : place) + (required.includes(name) ? 0 : AFTER_REQUIRED);
    fields[name] = drawField(field, own, attachments, required.includes(name));
  });
  for (const key of ["definitions", "$defs"]) {
    const named = schema[key];
    if (!isSchema(named)) continue;
    for (const [name, part] of Object.entries(named)) {
      if (isSchema(part)) named[name] = drawField(part, {}, attachments, false);
    }
  }
  return schema;
}

function drawField(field: Schema, ui: Schema, attachments: readonly Attachment[], required: boolean): Schema {
  const options: Schema = isSchema(field["options"]) ? field["options"] : {};
  if (Array.isArray(field["x-labels"])) options["enum_titles"] = field["x-labels"];
  if (typeof ui["ui:placeholder"] === "string") options["inputAttributes"] = { placeholder: ui["ui:placeholder"] };
  if (typeof ui["ui:title"] === "string") field["title"] = ui["ui:title"];
  const help = ui["ui:help"] ?? ui["ui:description"];
  if (typeof help === "string" && field["description"] === undefined) field["description"] = help;
  field["options"] = options;
  // Nothing is chosen before somebody chooses.
  if (field["enum"] !== undefined && field["default"] === undefined) options["has_placeholder_option"] = true;
  if (field["type"] === "boolean") drawBoolean(field, options, required);
  else if (field["type"] === "string") drawText(field, ui);
  else if (field["type"] === "array") drawList(field, ui, options, attachments);
  else if (field["type"] === "object") return drawGroup(field, ui, attachments);
  return field;
}

function drawBoolean(field: Schema, options: Schema, required: boolean): void {
  // A tick cannot say "not filled in": it is for what has a default or must be said.
  if (typeof field["default"] === "boolean" || required) field["format"] = "checkbox";
  else options["enum_titles"] = ["yes", "no"];
}

function drawText(field: Schema, ui: Schema): void {
  const asked = ui["ui:widget"] === "textarea" || field["x-multiline"] === true;
  if (field["enum"] === undefined && field["format"] === undefined && asked) field["format"] = "textarea";
}

function drawList(field: Schema, ui: Schema, options: Schema, attachments: readonly Attachment[]): void {
  const items = field["items"];
  if (!isSchema(items)) return;
  if (field["x-files"] === true && attachments.length > 0) {
    const formats = Array.isArray(field["x-formats"]) ? field["x-formats"] : [];
    const fitting = attachments.filter(({ name }) => !formats.length || formats.includes(name.split(".").pop() ?? ""));
    if (fitting.length > 0) {
      items["enum"] = fitting.map(({ id }) => id);
      items["options"] = { enum_titles: fitting.map(({ name }) => name) };
    }
  } else if (items["type"] === "object" || items["type"] === "string") {
    field["items"] = drawField(items, isSchema(ui["items"]) ? ui["items"] : {}, attachments, true);
  }
  if (Array.isArray(items["enum"]) && field["uniqueItems"] === true) field["format"] = "checkbox";
  else options["disable_array_delete_last_row"] = true;
}
