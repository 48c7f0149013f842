const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;', '`': '&#96;' };

/** Text as HTML, safe between tags and inside a quoted attribute. NUL, which HTML cannot hold, is left out. */
export function escapeHtml(text: string): string {
  return text.replaceAll('\u0000', '').replace(/[&<>"'`]/g, (character) => ESCAPES[character] ?? '');
}
