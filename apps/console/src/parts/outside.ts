/** Texts from outside that a browser would act on. */

/** The URL when it is an http(s) one that may be opened or shown, else undefined. Relative ones are this server's. */
export function httpHref(text: string): string | undefined {
  if (!URL.canParse(text, window.location.href)) return undefined;
  const url = new URL(text, window.location.href);
  return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : undefined;
}
