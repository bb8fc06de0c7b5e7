// One form drawn from JSON Schema. Any page uses it without a script of its own:
//
//   <div data-schema-form data-schema="ID" data-values="ID" data-problems="ID" data-ui-schema="ID" data-attachments="ID"
//        data-draft="KEY"><input type="hidden" name="values"></div>
//
// Each ID is one of a `json_script` of Django; all but the schema may be left out. What is filled in lies as JSON in the
// hidden field, which is sent with the form around it. The server judges: what it refused comes back as
// `data-problems` (contracts/forms/form_problem.py) and is shown at the fields.

import { JSONEditor } from "@json-editor/json-editor";

import { forgetDraft, keepDraft, readDraft } from "./draft";
import { isSchema, makeDrawable, type Attachment, type Json, type Schema } from "./drawable";

export interface FieldProblem {
  path: (string | number)[];
  what: string;
  next_step: string;
}

export interface SchemaFormParts {
  schema: Schema;
  uiSchema?: Schema;
  values?: Json;
  attachments?: readonly Attachment[];
}

let drawn = 0;
/** The forms that are drawn on the page, by the element that asked for them. */
const forms = new WeakMap<HTMLElement, SchemaForm>();

/** Draws the form into an empty element. */
export class SchemaForm {
  private readonly editor: JSONEditor;

  constructor(
    private readonly holder: HTMLElement,
    parts: SchemaFormParts,
    private readonly changed: (values: Json) => void,
  ) {
    drawn += 1;
    this.editor = new JSONEditor(holder, {
      schema: makeDrawable(parts.schema, parts.uiSchema ?? {}, parts.attachments ?? []),
      ...(parts.values === undefined ? {} : { startval: parts.values }),
      theme: "panel",
      disable_theme_rules: true, // the Content-Security-Policy allows our own style sheet alone
      form_name_root: `form${String(drawn)}`, // two forms of a page share no id
      ajax: false,
      use_name_attributes: false, // the hidden field alone is sent
      disable_collapse: true,
      disable_edit_json: true,
      disable_properties: true,
      disable_array_delete_all_rows: true,
      remove_empty_properties: true,
      show_errors: "interaction",
      prompt_before_delete: false,
    });
    this.editor.on("change", () => {
      this.dress();
      this.changed(this.values);
    });
  }

  get ready(): Promise<void> {
    return this.editor.promise.then(() => {
      this.dress();
    });
  }

  get values(): Json {
    return withoutEmpty(this.editor.getValue() as Json) ?? {};
  }

  /** Shows what the browser itself finds missing, and leads to the first such field; true when that is nothing. */
  check(): boolean {
    const problems = [...this.findMissing()];
    this.showProblems(problems);
    const first = problems[0];
    if (first) this.find(first.path)?.querySelector<HTMLElement>("input, select, textarea, button")?.focus();
    return first === undefined;
  }

  private *findMissing(): Generator<FieldProblem> {
    for (const editor of Object.values(this.editor.editors)) {
      const values = editor ? (withoutEmpty(editor.getValue() as Json) ?? {}) : null;
      const required = editor?.schema["required"];
      if (!editor || !Array.isArray(required) || !isSchema(values ?? undefined)) continue;
      for (const name of required) {
        if (typeof name !== "string" || name in (values as Schema)) continue;
        const path = [...editor.path.split(".").slice(1), name];
        yield { path, what: "It is missing.", next_step: "Fill it in." };
      }
    }
  }

  showProblems(problems: readonly FieldProblem[]): void {
    for (const old of this.holder.querySelectorAll(".field-problem")) old.remove();
    for (const problem of problems) {
      const field = this.find(problem.path);
      if (field === null || problem.path.length === 0) continue; // the page lists them all
      const said = document.createElement("p");
      said.className = "field-problem";
      said.textContent = `${problem.what} ${problem.next_step}`;
      field.append(said);
    }
  }

  destroy(): void {
    this.editor.destroy();
  }

  private find(path: readonly (string | number)[]): HTMLElement | null {
    const place = [this.editor.root.path, ...path].join(".");
    return this.holder.querySelector<HTMLElement>(`[data-schemapath="${CSS.escape(place)}"]`);
  }

  /** What the library does not draw: units, terms to choose from, what is for the advanced. Rows come and go. */
  private dress(): void {
    for (const editor of Object.values(this.editor.editors)) {
      const field = editor?.container;
      if (!editor || !field || field.dataset["dressed"] === "yes") continue;
      field.dataset["dressed"] = "yes";
      field.classList.toggle("is-advanced", editor.schema["x-advanced"] === true);
      const input = field.querySelector<HTMLElement>(":scope > .form-control > :is(input, select, textarea)");
      if (!input) continue;
      if (typeof editor.schema["x-unit"] === "string") addUnit(input, editor.schema["x-unit"]);
      const terms = editor.schema["x-terms"] ?? editor.schema["examples"];
      if (Array.isArray(terms) && input instanceof HTMLInputElement) addTerms(input, terms);
    }
  }
}

/** What nobody filled in is left out: groups and lists of nothing, and texts of no character. */
function withoutEmpty(value: Json): Json | undefined {
  if (Array.isArray(value)) {
    const kept = value.map(withoutEmpty).filter((entry) => entry !== undefined);
    return kept.length > 0 ? kept : undefined;
  }
  if (typeof value !== "object" || value === null) return value === "" || value === null ? undefined : value;
  const kept = Object.entries(value).flatMap(([name, member]) => {
    const inner = withoutEmpty(member);
    return inner === undefined ? [] : [[name, inner] as const];
  });
  return kept.length > 0 ? Object.fromEntries(kept) : undefined;
}

function addUnit(input: HTMLElement, unit: string): void {
  const said = document.createElement("span");
  said.className = "unit";
  said.textContent = unit;
  input.after(said);
}

/** A search box: what is typed finds terms, and anything else may be typed too. */
function addTerms(input: HTMLInputElement, terms: unknown[]): void {
  const list = document.createElement("datalist");
  list.id = `${input.id || input.name}-terms`;
  for (const term of terms) {
    if (typeof term !== "string") continue;
    const option = document.createElement("option");
    option.value = term;
    list.append(option);
  }
  input.setAttribute("list", list.id);
  input.after(list);
}

function readJson(id: string | undefined): Json | undefined {
  const text = id === undefined ? null : document.getElementById(id)?.textContent;
  return text ? (JSON.parse(text) as Json) : undefined;
}

/** Draws the form that an element of a page asks for; its draft comes before the values of the page. */
export function drawAsked(element: HTMLElement): void {
  const { schema: schemaId, uiSchema, values: valuesId, problems, attachments, draft: key } = element.dataset;
  const schema = readJson(schemaId);
  const hidden = element.querySelector<HTMLInputElement>("input[type=hidden]");
  if (!isSchema(schema) || !hidden) throw new Error("a form needs data-schema and a hidden field");
  element.removeAttribute("data-schema-form");
  const ui = readJson(uiSchema);
  const given = readJson(valuesId);
  const told = readJson(problems) as FieldProblem[] | undefined;
  const draft = key === undefined || told !== undefined ? null : readDraft(key);
  const before = JSON.stringify(given ?? {});
  const holder = document.createElement("div");
  element.append(holder);
  const form = new SchemaForm(
    holder,
    {
      schema,
      ...(isSchema(ui) ? { uiSchema: ui } : {}),
      ...((draft?.values ?? given) === undefined ? {} : { values: draft?.values ?? given ?? {} }),
      attachments: (readJson(attachments) as Attachment[] | undefined) ?? [],
    },
    (values) => {
      hidden.value = JSON.stringify(values);
      hidden.dispatchEvent(new Event("change", { bubbles: true }));
      if (key !== undefined && touched) keepDraft(key, values);
    },
  );
  forms.set(element, form);
  let touched = false;
  holder.addEventListener("input", () => (touched = true));
  holder.addEventListener("click", () => (touched = true));
  void form.ready.then(() => {
    hidden.value = JSON.stringify(form.values);
    if (told) form.showProblems(told);
    element.classList.add("is-drawn");
    addAdvanced(element, holder);
    if (draft && key !== undefined && JSON.stringify(draft.values) !== before) sayDraft(element, key);
  });
  // At the document: a page may move the fields into another form, or take them away.
  document.addEventListener("htmx:confirm", (event) => {
    if (!hidden.isConnected || event.target !== hidden.form) return;
    // The library tells of a change a moment later; the field that was left for the button must be sent too.
    hidden.value = JSON.stringify(form.values);
    if (!form.check()) event.preventDefault();
  });
}

/** What the server found wrong after the form was sent: `<div data-problems-for="ID of the form" data-problems="ID">`. */
export function showTold(element: HTMLElement): void {
  const form = forms.get(document.getElementById(element.dataset["problemsFor"] ?? "") ?? element);
  const told = readJson(element.dataset["problems"]) as FieldProblem[] | undefined;
  if (form && told) form.showProblems(told);
}

function addAdvanced(element: HTMLElement, holder: HTMLElement): void {
  const count = holder.querySelectorAll(".is-advanced").length;
  if (count === 0) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button";
  const say = (): void => {
    const shown = element.classList.contains("shows-advanced");
    button.textContent = shown ? "Hide advanced fields" : `Advanced fields (${String(count)})`;
    button.setAttribute("aria-expanded", String(shown));
  };
  button.addEventListener("click", () => {
    element.classList.toggle("shows-advanced");
    say();
  });
  say();
  element.append(button);
}

function sayDraft(element: HTMLElement, key: string): void {
  const said = document.createElement("p");
  said.className = "notice draft-notice";
  said.setAttribute("role", "status");
  said.textContent = "What you had begun to fill in is here again; it is not saved yet. ";
  const discard = document.createElement("button");
  discard.type = "button";
  discard.className = "button";
  discard.textContent = "Discard it";
  discard.addEventListener("click", () => {
    forgetDraft(key);
    location.reload();
  });
  said.append(discard);
  element.prepend(said);
}
