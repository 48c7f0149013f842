/** Search params come from outside (a link, a hand): what does not fit is left out. */

export function oneOf<Name extends string, Choice extends string>(name: Name, value: unknown, choices: readonly Choice[]) {
  const choice = choices.find((candidate) => candidate === value);
  return (choice === undefined ? {} : { [name]: choice }) as { [Key in Name]?: Choice | undefined };
}

/** A search text; one that looks like a number arrives as one. */
export function text<Name extends string>(name: Name, value: unknown) {
  const words = typeof value === 'string' || typeof value === 'number' ? String(value).slice(0, 128) : '';
  return (words.trim() === '' ? {} : { [name]: words }) as { [Key in Name]?: string | undefined };
}

/** Pages count from 1, which is left out. */
export function pageNumber(value: unknown): { page?: number | undefined } {
  const page = Number(value);
  return Number.isSafeInteger(page) && page > 1 && page <= 100_000 ? { page } : {};
}
