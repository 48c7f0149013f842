/** Why something could not be had, in words for the operator. */
export class DownloadError extends Error {
  override readonly name = 'DownloadError';
}

export interface DownloadLimits {
  /** Until the first byte, ms; after that, between two of them. */
  waitMs: number;
  maxBytes: number;
}

/**
 * Fetches a URL in the page and gives its bytes. Past the HTTP cache: the bytes are kept in the store, and a bad copy in a
 * cache on the way would be handed out at every retry. Rejects with a DownloadError, or with the signal's reason when it was aborted.
 */
export async function download(url: string, limits: DownloadLimits, signal: AbortSignal): Promise<Blob> {
  signal.throwIfAborted();
  const abort = new AbortController();
  const follow = (): void => abort.abort(signal.reason);
  signal.addEventListener('abort', follow);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const alive = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => abort.abort(new DownloadError(`nothing came for ${limits.waitMs / 1000} s`)), limits.waitMs);
  };
  alive();
  try {
    const response = await fetch(url, { cache: 'no-store', credentials: 'omit', signal: abort.signal });
    if (!response.ok) throw new DownloadError(`answered ${response.status}`);
    return await bytesOf(response, limits.maxBytes, alive);
  } catch (error) {
    abort.abort(error);
    signal.throwIfAborted();
    if (error instanceof DownloadError) throw error;
    if (abort.signal.reason instanceof DownloadError) throw abort.signal.reason;
    // The page is not told why: no network, no such name, no permission across origins.
    throw new DownloadError('could not be fetched');
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', follow);
  }
}

async function bytesOf(response: Response, maxBytes: number, alive: () => void): Promise<Blob> {
  if (response.body === null) return response.blob();
  let received = 0;
  const counted = response.body.pipeThrough(
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(piece, controller) {
        received += piece.byteLength;
        if (received > maxBytes) throw new DownloadError(`is larger than ${maxBytes} bytes`);
        alive();
        controller.enqueue(piece);
      },
    }),
  );
  // The type goes along: an SVG or a video without one is not shown.
  const headers = { 'content-type': response.headers.get('content-type') ?? '' };
  return new Response(counted, { headers }).blob();
}
