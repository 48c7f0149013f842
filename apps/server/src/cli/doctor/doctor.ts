import type { Command } from 'commander';
import { type Config, readConfig } from '../../config/config.js';
import { StartError } from '../../kit/errors.js';
import { readEmbeddedUrl } from '../../store/embedded-postgres.js';
import { EXIT } from '../api.js';
import { apiOf, type ApiOptions, asksApi } from '../command.js';
import { say, table } from '../terminal.js';
import { checkDatabase } from './database-checks.js';
import { type Finding, fail, ok, warn } from './finding.js';
import { checkApi, checkBroker, checkClicks, checkDisk, checkOpenFiles, checkWebSocketPort } from './machine-checks.js';

const HELP = `
Looks at what Marquee needs on this machine and with these settings, also while the server is down; changes nothing.

Exit codes:
  0  nothing fails (there may be warnings)
  1  something fails; its line says what to do
  2  the call was wrong`;

/** Adds `marquee doctor`. */
export function addDoctor(program: Command): void {
  asksApi(program.command('doctor').description('check settings, database, broker, ports, limits and what waits'))
    .addHelpText('after', HELP)
    .action(async (options: ApiOptions) => {
      const findings = await examine(options);
      if (options.json === true) say(JSON.stringify(findings));
      else
        say(
          table(
            ['state', 'check', 'what'],
            findings.map(({ state, check, text }) => [state, check, text]),
          ),
        );
      if (findings.some((finding) => finding.state === 'fail')) process.exitCode = EXIT.failed;
    });
}

async function examine(options: ApiOptions): Promise<Finding[]> {
  let config: Config;
  try {
    config = readConfig(process.env);
  } catch (error) {
    if (error instanceof StartError) return [fail('settings', error.message)];
    throw error;
  }
  const { base } = apiOf(options);
  const { runs, ...api } = await checkApi(base, config);
  const database = await examineDatabase(config);
  const broker = await checkBroker(config, runs);
  const players = await checkWebSocketPort(config, runs);
  const clicks = runs ? [await checkClicks(base)] : [];
  return [
    ok('settings', 'all are valid'),
    api,
    ...database,
    broker,
    ...players,
    ...clicks,
    checkOpenFiles(),
    await checkDisk(config.dataDir),
  ];
}

async function examineDatabase({ databaseUrl, dataDir }: Config): Promise<Finding[]> {
  if (databaseUrl !== undefined) return await checkDatabase(databaseUrl, 'the outside one of DATABASE_URL');
  const embedded = await readEmbeddedUrl(dataDir);
  if (embedded === undefined)
    return [warn('database', `No embedded database runs in DATA_DIR ${dataDir}: it starts with Marquee (npm start).`)];
  return await checkDatabase(embedded, `embedded in ${dataDir}`);
}
