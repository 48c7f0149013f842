/**
 * As what is started ends, or at once when the signal says so: a request of undici's ends by itself no sooner than the look-up of its
 * host's name.
 */
export async function unlessAborted<Result>(signal: AbortSignal, start: () => Promise<Result>): Promise<Result> {
  signal.throwIfAborted();
  const started = start();
  return await new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    void started.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
