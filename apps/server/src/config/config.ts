import { accessSync, constants, readFileSync } from 'node:fs';
import { parse } from 'dotenv';
import { errorCode, reasonOf, StartError } from '../kit/errors.js';
import { type Config, type Setting, settings } from './settings.js';
import { isLoopback } from './types.js';

export type { Config } from './settings.js';
export type { Role } from './types.js';

/** Where settings come from: `process.env`, or a test's own. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Longest part of a wrong value that is repeated to the person who wrote it. */
const SHOWN_CHARACTERS = 60;

/**
 * The settings of this process, checked and frozen. What the environment says wins over the `.env` file, which may be missing;
 * blank counts as not set. Throws a StartError that names the setting and what it takes; a value that may hold a password is not repeated.
 */
export function readConfig(environment: Environment, dotenvFile = '.env'): Config {
  const fromFile = readDotenv(dotenvFile);
  const entries = Object.entries(settings).map(([name, each]) => {
    const text = stated(environment[each.key]) ?? stated(fromFile[each.key]) ?? each.fallback;
    return [name, text === undefined ? undefined : valueOf(each, text)] as const;
  });
  // The table that the type is made from is the one that was walked.
  const config = Object.freeze(Object.fromEntries(entries)) as Config;
  checkTogether(config);
  return config;
}

function stated(text: string | undefined): string | undefined {
  const trimmed = text?.trim();
  return trimmed === '' ? undefined : trimmed;
}

function readDotenv(file: string): Environment {
  try {
    return parse(readFileSync(file));
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return {};
    throw new StartError(`The settings in ${file} cannot be read: ${reasonOf(error)}.`);
  }
}

function valueOf(setting: Setting, text: string): unknown {
  const parsed = setting.type.safeParse(text);
  if (parsed.success) return parsed.data;
  const shown = setting.type.meta()?.['secret'] === true ? '' : `, not ${JSON.stringify(text.slice(0, SHOWN_CHARACTERS))}`;
  throw new StartError(`${setting.key} must be ${setting.type.description}${shown}.`);
}

function checkTogether(config: Config): void {
  if (config.auth === 'off' && !isLoopback(config.host) && !config.allowOpen)
    throw new StartError(
      `HOST=${config.host} lets other machines in while AUTH=off asks nobody who they are: set ALLOW_OPEN=1 if that is meant, or HOST=127.0.0.1.`,
    );
  if ((config.tlsCert === undefined) !== (config.tlsKey === undefined))
    throw new StartError('TLS_CERT and TLS_KEY must be set together, or neither.');
  mustBeReadable('TLS_CERT', config.tlsCert);
  mustBeReadable('TLS_KEY', config.tlsKey);
  // A lock that outlives its deadline proves that nothing starts after it; the other way round it would prove nothing.
  if (config.fenceDeadlineMs >= config.fenceIdleMs)
    throw new StartError(`FENCE_DEADLINE_MS (${config.fenceDeadlineMs}) must be below FENCE_IDLE_MS (${config.fenceIdleMs}).`);
  if (config.offerFirstMs > config.offerMaxMs)
    throw new StartError(`OFFER_FIRST_MS (${config.offerFirstMs}) must not be above OFFER_MAX_MS (${config.offerMaxMs}).`);
}

function mustBeReadable(key: string, file: string | undefined): void {
  if (file === undefined) return;
  try {
    accessSync(file, constants.R_OK);
  } catch (error) {
    throw new StartError(`${key} names a file that cannot be read: ${reasonOf(error)}.`);
  }
}
