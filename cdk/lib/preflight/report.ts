import type { Outcome } from './requirements.js';

/** The outcomes for a person, one requirement a line, each that is not met with its remedy. */
export function reportLines(outcomes: readonly Outcome[]): string[] {
  const missing = outcomes.filter(({ met }) => !met).length;
  return [
    ...outcomes.flatMap((outcome) => {
      const line = `${outcome.met ? 'ok     ' : 'missing'}  ${outcome.requirement}: ${outcome.detail}`;
      return outcome.met ? [line] : [line, `         hint: ${outcome.remedy}`];
    }),
    missing === 0 ? 'ready to deploy' : `${missing} of ${outcomes.length} missing`,
  ];
}
