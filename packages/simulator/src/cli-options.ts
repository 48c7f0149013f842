import { Command, InvalidArgumentError } from 'commander';
import type { FleetOptions, Range } from './options.js';

export interface SimulateOptions {
  fleet: FleetOptions;
  /** Put the screens into this group first. */
  group: string | undefined;
  /** Where the server's HTTP is; asked only for `group`. */
  api: string;
  /** End by itself after so many seconds. */
  seconds: number | undefined;
  json: boolean;
}

interface Parsed {
  screens: number;
  broker: string;
  prefix: string;
  ackDelay: Range;
  offline: number;
  drop: number;
  flap: number;
  flapOn: Range;
  flapOff: Range;
  away: number;
  awayFor?: number;
  silent: number;
  skew: number;
  skewBy: Range;
  playLog: number;
  connections?: 'each' | number;
  group?: string;
  api: string;
  seconds?: number;
  json: boolean;
}

/** Reads the command line; a wrong option ends the process with one sentence and code 1, `--help` with code 0. */
export function readCommandLine(argv: readonly string[], command = new Command()): SimulateOptions {
  command
    .name('simulate')
    .description('A fleet of screens over MQTT that install, acknowledge, show and revoke as the player does.')
    .option('--screens <n>', 'how many screens', whole(1, 1_000_000), 20)
    .option('--broker <url>', 'the MQTT broker', brokerUrl, process.env['MQTT_URL'] ?? 'mqtt://127.0.0.1:1883')
    .option('--prefix <text>', 'what device ids begin with', 'sim-')
    .option('--ack-delay <ms>', 'how long an installation takes: milliseconds, or a range such as 0-200', range, { min: 0, max: 200 })
    .option('--offline <share>', 'share of the screens that are switched off, such as 5%', share, 0)
    .option('--drop <share>', 'share of the manifests that are not acknowledged, such as 1%', share, 0)
    .option('--flap <share>', 'share of the screens that come and go, such as 30%', share, 0)
    .option('--flap-on <ms>', 'how long those are on at a time', range, { min: 5000, max: 30_000 })
    .option('--flap-off <ms>', 'and how long they are off', range, { min: 2000, max: 15_000 })
    .option('--away <share>', 'share of the screens that are off at first', share, 0)
    .option('--away-for <ms>', 'when those come back (default: never)', whole(0, 2_147_483_647))
    .option('--silent <share>', 'share of the screens that never acknowledge anything', share, 0)
    .option('--skew <share>', 'share of the screens whose clocks are wrong', share, 0)
    .option('--skew-by <ms>', 'and by how much', range, { min: 1000, max: 60_000 })
    .option('--play-log <ms>', 'how often each screen logs what it showed; 0: never', whole(0, 2_147_483_647), 60_000)
    .option(
      '--connections <each|n>',
      'each: one connection a screen, with its will; a number: the screens share so many (default: one for 200 screens)',
      connections,
    )
    .option('--group <id>', 'put the screens into this group first, through POST /screens/import')
    .option('--api <url>', 'the server, for --group', process.env['API_BASE_URL'] ?? 'http://127.0.0.1:3000')
    .option('--seconds <n>', 'end after so many seconds', whole(1, 10_000_000))
    .option('--json', 'print JSON lines: the counts, once a second in which something happened, and at the end', false)
    .parse([...argv], { from: 'user' });
  const parsed = command.opts<Parsed>();
  return {
    fleet: {
      screens: parsed.screens,
      broker: parsed.broker,
      prefix: parsed.prefix,
      ackDelayMs: parsed.ackDelay,
      offline: parsed.offline,
      drop: parsed.drop,
      silent: parsed.silent,
      playLogMs: parsed.playLog,
      flap: { share: parsed.flap, onMs: parsed.flapOn, offMs: parsed.flapOff },
      away: { share: parsed.away, ...(parsed.awayFor === undefined ? {} : { forMs: parsed.awayFor }) },
      ...(parsed.skew === 0 ? {} : { skew: { share: parsed.skew, ms: parsed.skewBy } }),
      ...(parsed.connections === undefined ? {} : { connections: parsed.connections }),
    },
    group: parsed.group,
    api: parsed.api,
    seconds: parsed.seconds,
    json: parsed.json,
  };
}

function whole(least: number, most: number) {
  return (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw new InvalidArgumentError(`Give a whole number from ${least} to ${most}.`);
    return value;
  };
}

function range(text: string): Range {
  const [, min = '', max = min] = /^(\d{1,7})(?:-(\d{1,7}))?$/.exec(text) ?? [];
  if (min === '' || Number(max) < Number(min)) throw new InvalidArgumentError('Give milliseconds (100) or a range (0-200).');
  return { min: Number(min), max: Number(max) };
}

function share(text: string): number {
  const percent = Number(text.replace(/%$/, ''));
  if (!/^\d+(\.\d+)?%?$/.test(text) || percent > 100) throw new InvalidArgumentError('Give a percentage, such as 5%.');
  return percent / 100;
}

function connections(text: string): 'each' | number {
  if (text === 'each') return 'each';
  try {
    return whole(1, 100_000)(text);
  } catch {
    throw new InvalidArgumentError('Give "each" or how many connections the screens share.');
  }
}

function brokerUrl(text: string): string {
  if (!URL.canParse(text) || !/^(mqtts?|tcp|ssl|wss?):$/.test(new URL(text).protocol)) {
    throw new InvalidArgumentError('Give a URL such as mqtt://127.0.0.1:1883.');
  }
  return text;
}
