import { errorCode, StartError } from '../kit/errors.js';

/** Connections that wait to be let in: with 511, as Node has it, a crowd that comes at one moment is put off for seconds by its own TCP. */
export const MOST_WAITING = 4096;

/** Why a server cannot listen, in a sentence that names the setting; undefined where none is to blame. */
export function listenError(error: unknown, { host, port }: { host: string; port: number }): StartError | undefined {
  const code = errorCode(error);
  if (code === 'EADDRINUSE')
    return new StartError(
      `PORT ${port} on ${host} is taken: set PORT to a free port (each process with the role api or clicks needs one of its own), or stop what listens there.`,
    );
  if (code === 'EACCES') return new StartError(`PORT ${port} may not be opened by this user: set PORT to 1024 or above.`);
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return new StartError(`HOST ${host} is not an address of this machine.`);
  return undefined;
}
