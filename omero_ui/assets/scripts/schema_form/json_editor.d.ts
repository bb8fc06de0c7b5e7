// What we use of @json-editor/json-editor, which is published without types.
declare module "@json-editor/json-editor" {
  export interface FieldEditor {
    path: string;
    schema: Record<string, unknown>;
    container?: HTMLElement;
    getValue(): unknown;
    setValue(value: unknown, initial?: boolean): void;
  }

  class ObjectEditor implements FieldEditor {
    path: string;
    schema: Record<string, unknown>;
    editors: Record<string, FieldEditor | undefined>;
    getValue(): unknown;
    setValue(value: unknown, initial?: boolean): void;
    removeObjectProperty(name: string): void;
  }

  class SelectEditor {
    schema: Record<string, unknown>;
    preBuild(): void;
    getDefault(): unknown;
  }

  class Theme {
    constructor(editor: JSONEditor);
    getHiddenLabel(text: string): HTMLElement;
    getHiddenText(text: string): HTMLElement;
    visuallyHidden(element: HTMLElement | undefined): void;
    getOptInCheckbox(name: string): { label: HTMLElement; checkbox: HTMLElement; container: HTMLElement };
    getErrorMessage(text: string): HTMLElement;
    getButton(text: string, icon: unknown, title: string): HTMLElement;
  }

  export class JSONEditor {
    constructor(holder: HTMLElement, options: Record<string, unknown>);
    static defaults: {
      themes: { barebones: typeof Theme } & Record<string, typeof Theme>;
      editors: { object: typeof ObjectEditor; select: typeof SelectEditor };
    };
    editors: Record<string, FieldEditor | null>;
    root: FieldEditor;
    promise: Promise<void>;
    on(event: "ready" | "change", listener: () => void): void;
    getValue(): unknown;
    setValue(value: unknown): void;
    validate(): { path: string; message: string }[];
    setOption(name: string, value: unknown): void;
    destroy(): void;
  }
}
