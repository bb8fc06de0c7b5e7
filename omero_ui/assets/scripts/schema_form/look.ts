// How the library builds its elements on our pages: our style sheet's classes in the place of inline styles, which the
// Content-Security-Policy forbids; and every field of a form stays where it is, filled in or not.

import { JSONEditor } from "@json-editor/json-editor";

const HIDDEN = "visually-hidden";

class PanelTheme extends JSONEditor.defaults.themes.barebones {
  override getHiddenLabel(text: string): HTMLElement {
    return hidden(document.createElement("label"), text);
  }

  override getHiddenText(text: string): HTMLElement {
    return hidden(document.createElement("span"), text);
  }

  override visuallyHidden(element: HTMLElement | undefined): void {
    element?.classList.add(HIDDEN);
  }

  override getOptInCheckbox(name: string): { label: HTMLElement; checkbox: HTMLElement; container: HTMLElement } {
    const container = document.createElement("span");
    const checkbox = document.createElement("input");
    checkbox.type = "checkbox";
    checkbox.id = `${name}-opt-in`;
    const label = document.createElement("label");
    label.htmlFor = checkbox.id;
    container.append(checkbox, hidden(label, name));
    return { label, checkbox, container };
  }

  /** What is wrong with a group as a whole is told by the server; a missing field is told at the field. */
  override getErrorMessage(text: string): HTMLElement {
    const said = document.createElement("p");
    said.hidden = true;
    said.textContent = text;
    return said;
  }

  override getButton(text: string, icon: unknown, title: string): HTMLElement {
    const button = super.getButton(text, icon, title);
    button.classList.add("button");
    return button;
  }
}

class PanelGroup extends JSONEditor.defaults.editors.object {
  /** The library takes optional fields without a value away; ours become empty. */
  override removeObjectProperty(name: string): void {
    const field = this.editors[name];
    field?.setValue(field.schema["default"], true);
  }
}

class PanelChoice extends JSONEditor.defaults.editors.select {
  /** The library chooses the first of the choices; ours wait for somebody to choose. */
  override getDefault(): unknown {
    return this.schema["default"];
  }

  /** The library adds its empty choice to the schema's own list, once for each row of a table. */
  override preBuild(): void {
    this.schema = structuredClone(this.schema);
    super.preBuild();
  }
}

function hidden(element: HTMLElement, text: string): HTMLElement {
  element.className = HIDDEN;
  element.textContent = text;
  return element;
}

export function useOurLook(): void {
  JSONEditor.defaults.themes["panel"] = PanelTheme;
  JSONEditor.defaults.editors.object = PanelGroup;
  JSONEditor.defaults.editors.select = PanelChoice;
}
