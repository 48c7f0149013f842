#!/usr/bin/env node
import { Command } from 'commander';
import { readConfig } from '../config/config.js';
import { reasonOf, StartError } from '../kit/errors.js';
import { readEmbeddedUrl } from '../store/embedded-postgres.js';
import { addWhy } from './why.js';

/** Exit codes: 0 done, 1 it could not be done (one sentence on stderr says why), 2 the call was wrong; a command that has others says so in its help. */
const WRONG_CALL = 2;

/** A connection URL of the database that this folder's settings name: the outside one, or the embedded one while it runs. */
async function databaseUrl(): Promise<string> {
  const config = readConfig(process.env);
  const url = config.databaseUrl ?? (await readEmbeddedUrl(config.dataDir));
  if (url === undefined) throw new StartError(`No database runs in DATA_DIR ${config.dataDir}: start Marquee there, or set DATABASE_URL.`);
  return url;
}

function say(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}

const program = new Command('marquee')
  .description('Marquee from the command line. Settings come from the environment and from .env, as the server’s do.')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : WRONG_CALL));
program
  .command('db')
  .description('the database')
  .command('url')
  .description('print a connection URL of the running database')
  .action(async () => say(await databaseUrl()));
addWhy(program, say, databaseUrl);
program.parseAsync().catch((error: unknown) => {
  process.stderr.write(`${reasonOf(error)}\n`);
  process.exitCode = 1;
});
