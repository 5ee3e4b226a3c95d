import type { Problem } from './problem.js';

/** What a text field has to look like. */
export interface TextForm {
  readonly pattern: RegExp;
  /** The form in words, for the hint. */
  readonly form: string;
}

/**
 * Reads one JSON object field by field and notes every problem instead of stopping at the first.
 *
 * A reading method returns `undefined` exactly when the field is absent or wrong; a wrong field has then been
 * noted, so the caller may build its value from whatever is there and ask `problems` at the end.
 * Each field that is read is known; `close` notes those that are not.
 */
export class Fields {
  private readonly values: ReadonlyMap<string, unknown>;
  private readonly known = new Set<string>();

  constructor(
    value: unknown,
    private readonly place: string,
    readonly problems: Problem[],
  ) {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      this.values = new Map(Object.entries(value));
    } else {
      this.values = new Map();
      this.note(undefined, `is ${nameOf(value)}, not an object`, 'write a JSON object');
    }
  }

  /** Notes a problem at a field, or at the object itself. */
  note(key: string | undefined, what: string, hint: string): void {
    this.problems.push({ place: this.at(key), what, hint });
  }

  text(key: string, form: TextForm): string | undefined {
    const value = this.take(key, form.form);
    if (value === undefined) return undefined;
    if (typeof value !== 'string' || !form.pattern.test(value)) {
      this.note(key, `\`${JSON.stringify(value)}\` is not ${form.form}`, `write ${form.form}`);
      return undefined;
    }
    return value;
  }

  optionalText(key: string, form: TextForm): string | undefined {
    return this.isWritten(key) ? this.text(key, form) : undefined;
  }

  choice<T extends string | number | boolean>(key: string, choices: readonly T[]): T | undefined {
    const wanted = `one of ${choices.map((choice) => JSON.stringify(choice)).join(', ')}`;
    const value = this.take(key, wanted);
    if (value === undefined) return undefined;
    const chosen = choices.find((choice) => choice === value);
    if (chosen === undefined) this.note(key, `\`${JSON.stringify(value)}\` is not known`, `write ${wanted}`);
    return chosen;
  }

  integer(key: string, minimum: number, maximum: number): number | undefined {
    const wanted = `a whole number from ${minimum} to ${maximum}`;
    const value = this.take(key, wanted);
    if (value === undefined) return undefined;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < minimum || value > maximum) {
      this.note(key, `\`${JSON.stringify(value)}\` is not ${wanted}`, `write ${wanted}`);
      return undefined;
    }
    return value;
  }

  optionalInteger(key: string, minimum: number, maximum: number): number | undefined {
    return this.isWritten(key) ? this.integer(key, minimum, maximum) : undefined;
  }

  /** A list of texts of one form, without repetition. */
  texts(key: string, form: TextForm): string[] {
    const read: string[] = [];
    for (const [index, item] of this.items(key, `a list of ${form.form}`)) {
      const place = `${key}[${index}]`;
      if (typeof item !== 'string' || !form.pattern.test(item)) {
        this.note(place, `\`${JSON.stringify(item)}\` is not ${form.form}`, `write ${form.form}`);
      } else if (read.includes(item)) {
        this.note(place, `\`${item}\` is there twice`, 'remove one of them');
      } else {
        read.push(item);
      }
    }
    return read;
  }

  /** One object, read and closed. */
  object<T>(key: string, read: (fields: Fields) => T): T | undefined {
    const value = this.take(key, 'an object');
    if (value === undefined) return undefined;
    const fields = new Fields(value, this.at(key), this.problems);
    const result = read(fields);
    fields.close();
    return result;
  }

  /** A list of objects, each read and closed; those that could not be read are left out. */
  objects<T>(key: string, read: (fields: Fields) => T | undefined): T[] {
    const all: T[] = [];
    for (const [index, item] of this.items(key, 'a list of objects')) {
      const fields = new Fields(item, this.at(`${key}[${index}]`), this.problems);
      const value = read(fields);
      fields.close();
      if (value !== undefined) all.push(value);
    }
    return all;
  }

  /** Notes every field that nobody asked for. */
  close(): void {
    for (const key of this.values.keys()) {
      if (!this.known.has(key)) {
        this.note(key, 'is not a known field', `remove it; known are ${[...this.known].sort().join(', ')}`);
      }
    }
  }

  private items(key: string, wanted: string): [number, unknown][] {
    const value = this.take(key, wanted);
    if (value === undefined) return [];
    if (!Array.isArray(value)) {
      this.note(key, `is ${nameOf(value)}, not a list`, `write ${wanted}`);
      return [];
    }
    return [...(value as unknown[]).entries()];
  }

  /** Whether an optional field is there; it is known either way. */
  private isWritten(key: string): boolean {
    this.known.add(key);
    return this.values.has(key);
  }

  private take(key: string, wanted: string): unknown {
    this.known.add(key);
    const value = this.values.get(key);
    if (value === undefined) this.note(key, 'is missing', `write ${wanted}`);
    return value;
  }

  private at(key: string | undefined): string {
    if (key === undefined) return this.place === '' ? '(the whole file)' : this.place;
    return this.place === '' ? key : `${this.place}.${key}`;
  }
}

function nameOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`;
}
