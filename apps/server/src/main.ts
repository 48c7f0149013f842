import 'reflect-metadata';
import { readConfig } from './config/config.js';
import { StartError } from './kit/errors.js';
import { createLog } from './kit/log.js';

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLog(config.logLevel);
  let ending: Promise<void> | undefined;
  // A wrong setting is told before the second that it takes to load everything else.
  const running = import('./wiring.js').then(({ start }) => start(config, log));
  const end = (signal: string): void => {
    if (ending !== undefined) process.exit(130);
    log.info({ signal }, 'stopping: what is under way ends first (again to stop at once)');
    ending = running
      .then((each) => each.stop())
      .then(
        () => process.exit(0),
        () => process.exit(1),
      );
  };
  process.on('SIGINT', () => end('SIGINT'));
  process.on('SIGTERM', () => end('SIGTERM'));
  const { apiBaseUrl, brokerUrl, databaseRole } = await running;
  if (ending !== undefined) return;
  const ready = Math.round(performance.now());
  log.info({ database: databaseRole, broker: brokerUrl, readyMs: ready }, 'ready');
  if (config.roles.includes('api')) {
    process.stdout.write(`
  Marquee is ready.
    console  ${apiBaseUrl}/
    player   ${apiBaseUrl}/player/
    API      ${apiBaseUrl}/docs
    MQTT     ${brokerUrl}
  Ctrl-C stops it.

`);
  }
}

main().catch((error: unknown) => {
  if (error instanceof StartError) process.stderr.write(`${error.message}\n`);
  else console.error(error);
  process.exit(1);
});
