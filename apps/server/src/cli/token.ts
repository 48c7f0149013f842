import type { Command } from 'commander';
import { createSigner } from 'fast-jwt';
import { readConfig } from '../config/config.js';
import { tokenSecret } from '../config/token-secret.js';
import { CommandError, EXIT } from './api.js';
import { say } from './terminal.js';

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };
const LONGEST_S = 3650 * 86_400;

/** Adds `marquee token`: a token for trials, by the settings of this folder. */
export function addToken(program: Command): void {
  program
    .command('token')
    .description('print a token that may report clicks, signed by JWT_SECRET or the secret in DATA_DIR')
    .requiredOption('--sub <uid>', 'whose clicks they are')
    .option('--expires <duration>', 'how long it is good for: 30s, 15m, 12h, 7d', '1d')
    .addHelpText('after', '\nExample:\n  marquee token --sub trial-user --expires 1h')
    .action(async ({ sub, expires }: { sub: string; expires: string }) => say(await token(sub, expires)));
}

async function token(sub: string, expires: string): Promise<string> {
  const seconds = secondsOf(expires);
  if (sub === '' || sub.length > 256) throw new CommandError('--sub must have 1 to 256 characters.', EXIT.wrong);
  const config = readConfig(process.env);
  const key = await tokenSecret(config);
  if (key === undefined)
    throw new CommandError('Tokens come from JWKS_URL alone here; with JWT_SECRET set too this command makes some.', EXIT.refused);
  const { jwtIssuer: iss, jwtAudience: aud } = config;
  const sign = createSigner({ key, algorithm: 'HS256', ...(iss === undefined ? {} : { iss }), ...(aud === undefined ? {} : { aud }) });
  return sign({ sub, exp: Math.floor(Date.now() / 1000) + seconds });
}

function secondsOf(text: string): number {
  const [, count, unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const seconds = Number(count) * (UNITS[unit] ?? Number.NaN);
  if (!(seconds > 0 && seconds <= LONGEST_S))
    throw new CommandError(`--expires must be a duration such as 30s, 15m, 12h or 7d, up to ten years, not ${text}.`, EXIT.wrong);
  return seconds;
}
