/**
 * Headers that must go with kept bytes of this type wherever they are served. Uploaded HTML and SVG share an origin with the
 * API: the CSP sandbox gives them an opaque origin of their own, so that a person who opens one is not opened to it, and an SVG
 * no script at all. It does not touch an SVG in an `img`, where the header is not read.
 */
export function servingHeaders(type: string): Record<string, string> {
  const headers: Record<string, string> = { 'content-type': type, 'x-content-type-options': 'nosniff' };
  const essence = type.split(';', 1)[0]?.trim().toLowerCase();
  if (essence === 'text/html') headers['content-security-policy'] = 'sandbox allow-scripts';
  if (essence === 'image/svg+xml') {
    headers['content-security-policy'] = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'";
  }
  return headers;
}
