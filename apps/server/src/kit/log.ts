import { type Logger, pino } from 'pino';

export type Log = Logger;

/** JSON lines for machines; pretty where a person reads (a terminal). */
export function createLog(level: string): Log {
  if (!process.stdout.isTTY) return pino({ level, base: null });
  return pino({
    level,
    base: null,
    transport: { target: 'pino-pretty', options: { translateTime: 'SYS:HH:MM:ss', ignore: 'pid,hostname' } },
  });
}

/** Says nothing: for tests and tools. */
export const silentLog: Log = pino({ level: 'silent' });
