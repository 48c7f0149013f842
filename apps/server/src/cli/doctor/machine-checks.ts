import { clicksStatus, ROUTES } from '@marquee/contracts';
import { statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { request } from 'undici';
import { z } from 'zod';
import type { Config } from '../../config/config.js';
import { errorCode, reasonOf } from '../../kit/errors.js';
import { urlHost } from '../../kit/hosts.js';
import { type Finding, fail, ok, warn } from './finding.js';

const PATIENCE_MS = 5000;
const ENOUGH_FILES = 10_000;
const MB = 1_048_576;
const LITTLE_SPACE = 2048 * MB;
const NO_SPACE = 200 * MB;

const limits = z.object({ userLimits: z.object({ open_files: z.object({ soft: z.union([z.number(), z.string()]) }) }) });

/** Each screen that is connected to the embedded broker is an open file. */
export function checkOpenFiles(): Finding {
  const report = limits.safeParse(process.report.getReport());
  const soft = report.success ? report.data.userLimits.open_files.soft : 'unlimited';
  const text = `${soft} may be open at once`;
  if (typeof soft !== 'number' || soft >= ENOUGH_FILES) return ok('open files', text);
  return warn('open files', `${text}, and each connected screen is one: raise it (ulimit -n, or LimitNOFILE of the service).`);
}

export async function checkDisk(dataDir: string): Promise<Finding> {
  for (let folder = dataDir; ; folder = dirname(folder)) {
    try {
      const { bavail, bsize } = await statfs(folder);
      const free = bavail * bsize;
      const text = `${(free / MB / 1024).toFixed(1)} GB are free for DATA_DIR ${dataDir}`;
      if (free < NO_SPACE) return fail('disk', `Only ${text}: free some.`);
      return free < LITTLE_SPACE ? warn('disk', `Only ${text}: free some before it is full.`) : ok('disk', text);
    } catch (error) {
      if (errorCode(error) !== 'ENOENT' || folder === dirname(folder))
        return fail('disk', `DATA_DIR ${dataDir} cannot be read: ${reasonOf(error)}.`);
    }
  }
}

/** Whether the server answers; when nothing does, whether it could listen there. */
export async function checkApi(base: string, { host, port }: Config): Promise<Finding & { runs: boolean }> {
  try {
    const answer = await within(PATIENCE_MS, request(`${base}/readyz`));
    const text = await within(PATIENCE_MS, answer.body.text());
    const about = `at ${base}`;
    if (answer.statusCode === 200) return { ...ok('API', `answers ${about}`), runs: true };
    if (answer.statusCode === 503) return { ...fail('API', `Marquee runs ${about} and is not ready: ${text.slice(0, 200)}`), runs: true };
    return { ...fail('API', `Something else than Marquee answers ${about}: set PORT to another.`), runs: false };
  } catch (error) {
    if (port !== 0 && !(await isFree(host, port)))
      return {
        ...fail('API', `Port ${port} is taken and does not answer as Marquee (${reasonOf(error)}): set PORT to another.`),
        runs: false,
      };
    return { ...warn('API', `Nothing answers at ${base}: start Marquee (npm start), or name its address by --url.`), runs: false };
  }
}

/** Whether clicks come through to be counted, by what the running server says. */
export async function checkClicks(base: string): Promise<Finding> {
  try {
    const answer = await within(PATIENCE_MS, request(`${base}${ROUTES.clicksStatus}`));
    const { circuit, processes, fallbackDepth, dlqDepth } = clicksStatus.parse(await within(PATIENCE_MS, answer.body.json()));
    const { length: count } = processes;
    if (count === 0)
      return warn('clicks', 'No process with the role clicks runs: clicks are not taken. Start one, or give ROLES the role.');
    const waiting = `${fallbackDepth ?? 'an unknown number of'} clicks wait in the fallback`;
    const away = processes.find(({ broker: { connected, blocked } }) => !connected || blocked);
    if (away !== undefined) {
      const place = away.broker.kind === 'rabbitmq' ? 'RabbitMQ at AMQP_URL' : 'the database';
      return warn('clicks', `${away.name} cannot publish to ${place}: ${waiting} until it can. See that it runs and has memory and disk.`);
    }
    if (dlqDepth !== null && dlqDepth > 0) return warn('clicks', `${dlqDepth} could not be counted: see marquee clicks dead list.`);
    return ok('clicks', `the circuit is ${circuit.toLowerCase().replace('_', ' ')}, ${waiting}`);
  } catch (error) {
    return warn('clicks', `How clicks do cannot be told: ${reasonOf(error)}.`);
  }
}

/** Whether the broker lets a client in. */
export async function checkBroker(config: Config, serverRuns: boolean): Promise<Finding> {
  const { mqttUrl, mqttPort, host, tlsCert } = config;
  if (mqttUrl === undefined && mqttPort === 0) return ok('broker', 'embedded, on any free port');
  const url = mqttUrl ?? `${tlsCert === undefined ? 'mqtt' : 'mqtts'}://${urlHost(host)}:${mqttPort}`;
  const place = mqttUrl === undefined ? `embedded, port ${mqttPort}` : 'the outside one of MQTT_URL';
  try {
    await connects(url, mqttUrl !== undefined);
    return ok('broker', `${place}: answers`);
  } catch (error) {
    if (mqttUrl !== undefined) return fail('broker', `The broker of MQTT_URL cannot be reached: ${reasonOf(error)}.`);
    if (serverRuns) return fail('broker', `The broker (${place}) does not answer although Marquee runs: ${reasonOf(error)}. See its log.`);
    if (await isFree(host, mqttPort)) return warn('broker', `${place}: does not run; it starts with Marquee`);
    return fail('broker', `Port ${mqttPort} is taken by something that is no broker: set MQTT_PORT to another.`);
  }
}

/** Resolves when a broker there has let us in; rejects in every other case, also when whoever listens hangs up or says nothing. */
async function connects(url: string, verify: boolean): Promise<void> {
  // It takes as long to load as everything else here.
  const { default: mqtt } = await import('mqtt');
  const client = mqtt.connect(url, { reconnectPeriod: 0, connectTimeout: PATIENCE_MS, rejectUnauthorized: verify });
  try {
    const connected = new Promise<void>((resolve, reject) => {
      client.once('connect', () => resolve());
      client.on('error', reject);
      client.once('close', () => reject(new Error('the connection was closed')));
    });
    await within(PATIENCE_MS, connected);
  } finally {
    // Not waited for: one that is closed already never calls back.
    client.end(true);
  }
}

/** Whether the ports of the WebSocket listener could be had, or are in our own use. */
export async function checkWebSocketPort({ mqttUrl, mqttWsPort, host }: Config, serverRuns: boolean): Promise<Finding[]> {
  if (mqttUrl !== undefined || mqttWsPort === 0) return [];
  const free = await isFree(host, mqttWsPort);
  if (serverRuns)
    return [
      free ? warn('players', `Nobody listens on MQTT_WS_PORT ${mqttWsPort} for players.`) : ok('players', `port ${mqttWsPort} listens`),
    ];
  return [
    free ? ok('players', `port ${mqttWsPort} is free`) : fail('players', `Port ${mqttWsPort} is taken: set MQTT_WS_PORT to another.`),
  ];
}

/** Rejects when the work has not ended by then; until then the process does not end either. */
async function within<Result>(ms: number, work: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms / 1000} s`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function isFree(host: string, port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}
