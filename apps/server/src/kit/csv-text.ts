/**
 * A cell of CSV. What begins like a formula is one to a spreadsheet (OWASP, CSV injection): an apostrophe before it makes it text. Where numbers have a
 * comma, a spreadsheet parts cells by semicolons, and by tabs when it is pasted: what follows one begins a cell as well.
 */
export function csvText(text: string): string {
  const safe = text.replace(/^(?=[\t\r\n])|(?<=^|[;\t])(?=\s*[=+\-@])/g, "'");
  return /[",\r\n']/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
