#!/usr/bin/env node
import { Command } from 'commander';
import { readConfig } from '../config/config.js';
import { reasonOf, StartError } from '../kit/errors.js';
import { readEmbeddedUrl } from '../store/embedded-postgres.js';
import { CommandError, EXIT } from './api.js';
import { addCampaigns } from './campaigns.js';
import { addClicks } from './clicks.js';
import { addContacts } from './contacts.js';
import { addDeliveries } from './deliveries.js';
import { addDoctor } from './doctor/doctor.js';
import { addScreens } from './screens.js';
import { say } from './terminal.js';
import { addToken } from './token.js';
import { addWhy } from './why.js';

const HELP = `
Exit codes:
  0  done
  1  it could not be done; one sentence on standard error says why
  2  the call was wrong
  3  there is no such thing, or its state does not allow it
A command that has others says so in its help. All of it: docs/cli.md`;

/** A connection URL of the database that this folder's settings name: the outside one, or the embedded one while it runs. */
async function databaseUrl(): Promise<string> {
  const config = readConfig(process.env);
  const url = config.databaseUrl ?? (await readEmbeddedUrl(config.dataDir));
  if (url === undefined) throw new StartError(`No database runs in DATA_DIR ${config.dataDir}: start Marquee there, or set DATABASE_URL.`);
  return url;
}

let ended = false;

async function main(): Promise<void> {
  const program = new Command('marquee')
    .description('Marquee from the command line. Settings come from the environment and from .env, as the server’s do.')
    .addHelpText('after', HELP)
    // Before the commands are made: they inherit it.
    .exitOverride((error) => process.exit(error.exitCode === 0 ? EXIT.done : EXIT.wrong));
  addCampaigns(program);
  addDeliveries(program);
  addScreens(program);
  addContacts(program);
  addClicks(program);
  program
    .command('db')
    .description('the database')
    .command('url')
    .description('print a connection URL of the running database')
    .action(async () => say(await databaseUrl()));
  addWhy(program, say, databaseUrl);
  addDoctor(program);
  addToken(program);
  await program.parseAsync();
}

// What waits for something that nobody will ever answer lets the process end: that is no success.
process.once('beforeExit', () => {
  if (ended) return;
  process.stderr.write('The connection was closed without an answer.\n');
  process.exitCode = EXIT.failed;
});

main()
  .finally(() => {
    ended = true;
  })
  .catch((error: unknown) => {
    process.stderr.write(`${reasonOf(error)}\n`);
    process.exitCode = error instanceof CommandError ? error.exitCode : EXIT.failed;
  });
