/** Without the indentation and whole-line comments that only readers of the source need. */
export function compact(source: string): string {
  return source
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('//'))
    .join('\n');
}

/** A string as it may stand in a script inside HTML. */
export function scriptText(text: string): string {
  return JSON.stringify(text).replace(/[<>\u2028\u2029]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
