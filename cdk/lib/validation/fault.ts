/** Something in a template that AWS would refuse, or run differently from what it says. */
export interface Fault {
  /** Name of the check that found it, stable. */
  readonly check: string;
  /** Where, inside the resource. */
  readonly place: string;
  readonly what: string;
  readonly fix: string;
}

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value as an object; anything else has no fields. */
export function objectOf(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

/** The value as a list; anything else is empty. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Every text in a JSON value, with its path. */
export function* textsOf(value: unknown, place: string): Generator<readonly [string, string]> {
  if (typeof value === 'string') {
    yield [place, value];
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) yield* textsOf(item, `${place}[${index}]`);
  } else if (isObject(value)) {
    for (const [key, item] of Object.entries(value)) yield* textsOf(item, `${place}.${key}`);
  }
}
