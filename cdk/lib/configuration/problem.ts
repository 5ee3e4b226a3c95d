/** One thing wrong in a file that a person or a program wrote. */
export interface Problem {
  /** Path of the field inside the file, e.g. `rules[0].frequency`. */
  readonly place: string;
  readonly what: string;
  /** What to do about it. */
  readonly hint: string;
}

/** A file that is refused, with all of its problems at once, sorted by place. */
export class RefusedFile extends Error {
  readonly problems: readonly Problem[];

  constructor(file: string, problems: readonly Problem[]) {
    const sorted = [...problems].sort((a, b) => a.place.localeCompare(b.place));
    const lines = sorted.map(({ place, what, hint }) => `  ${place}: ${what}\n    hint: ${hint}`);
    super(`\`${file}\` is refused:\n${lines.join('\n')}`);
    this.name = 'RefusedFile';
    this.problems = sorted;
  }
}
