/** Writes to stdout, ending the line. */
export function say(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}

/** Writes to stderr: what is not the answer itself. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

type Cell = string | number | boolean | null | undefined;

// Anything that a terminal would act on: names and reasons come from outside.
const CONTROLS = /[\u0000-\u001f\u007f-\u009f]/g;

/** A value for a person's eyes: what a terminal would obey is taken out, nothing is a dash. */
export function shown(cell: Cell): string {
  if (cell === null || cell === undefined || cell === '') return '-';
  return String(cell).replaceAll(CONTROLS, ' ');
}

/** Rows below their headings, each column as wide as its widest cell. */
export function table(headings: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const lines = [headings.map((heading) => heading.toUpperCase()), ...rows.map((row) => row.map(shown))];
  const widths = headings.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** One fact a line, the values below each other. */
export function facts(entries: Readonly<Record<string, Cell>>): string {
  const width = Math.max(...Object.keys(entries).map((key) => key.length)) + 2;
  return Object.entries(entries)
    .map(([key, value]) => `${`${key}:`.padEnd(width)}${shown(value)}`)
    .join('\n');
}

/** Epoch ms for a person's eyes, UTC. */
export function when(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return '-';
  const time = new Date(ms);
  return Number.isNaN(time.getTime()) ? String(ms) : time.toISOString().replace('T', ' ');
}
