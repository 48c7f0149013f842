import { setTimeout as delay } from 'node:timers/promises';
import type { World } from './world.js';

interface Fault {
  name: string;
  /** Breaks something, and puts back what does not come back by itself. */
  happen: (world: World, random: () => number) => Promise<void>;
}

const ANYWHERE: Fault[] = [
  {
    name: 'the server is asked to end (SIGTERM) and started again',
    happen: async (world) => {
      await world.server.stop();
      await world.restart();
    },
  },
  {
    name: 'the server is killed (kill -9) and started again',
    happen: async (world) => {
      await world.server.kill();
      await world.restart();
    },
  },
  {
    name: 'the server is frozen (SIGSTOP) for some seconds',
    happen: async (world, random) => {
      const { child } = world.server;
      child.kill('SIGSTOP');
      await delay(500 + random() * 3500);
      child.kill('SIGCONT');
    },
  },
  {
    name: 'half of the server’s database sessions are ended',
    happen: async (world) => {
      await world.sql(
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'marquee%' and pid <> pg_backend_pid() and random() < 0.5`,
      );
    },
  },
  {
    name: 'the database is killed (kill -9)',
    happen: async (world) => {
      process.kill(await world.server.postmasterPid(), 'SIGKILL');
      // Its end is noticed, not told: until then the server still believes in it.
      await delay(500);
    },
  },
  {
    name: 'database and server are killed, the server is started again',
    happen: async (world) => {
      process.kill(await world.server.postmasterPid(), 'SIGKILL');
      await world.server.kill();
      await world.restart();
    },
  },
  {
    name: 'a part of the screens loses its connections',
    happen: async (world, random) => {
      await world.fleet.call('cut', Math.ceil(random() * 20));
    },
  },
];

const OUTSIDE_BROKER: Fault[] = (['SIGKILL', 'SIGTERM'] as const).map((signal) => ({
  name:
    signal === 'SIGKILL' ? 'the broker is killed (kill -9) and started again' : 'the broker is asked to end (SIGTERM) and started again',
  happen: async (world, random) => {
    await world.mosquitto?.kill(signal);
    await delay(random() * 1500);
    await world.mosquitto?.run();
  },
}));

/** Draws faults: all kinds in turn, each round in another order, so that a short run meets most of them. */
export class Faults {
  private round: Fault[] = [];
  private readonly kinds: Fault[];
  /** How often each happened. */
  readonly happened = new Map<string, number>();
  /** Of each fault, how long the server took to say that it is ready again after all was put back, ms. */
  readonly readyMs: number[] = [];

  constructor(
    private readonly world: World,
    private readonly random: () => number,
  ) {
    this.kinds = world.mosquitto === undefined ? ANYWHERE : [...ANYWHERE, ...OUTSIDE_BROKER, ...OUTSIDE_BROKER];
  }

  /** Lets one thing go wrong; resolves when the server is ready again. */
  async next(say: (line: string) => void): Promise<void> {
    if (this.round.length === 0) this.round = [...this.kinds];
    const [fault] = this.round.splice(Math.floor(this.random() * this.round.length), 1);
    if (fault === undefined) return;
    this.happened.set(fault.name, (this.happened.get(fault.name) ?? 0) + 1);
    const from = performance.now();
    await fault.happen(this.world, this.random);
    const put = performance.now();
    this.readyMs.push(await this.world.ready());
    say(`${fault.name}; ${Math.round(put - from)} ms, ready ${Math.round(performance.now() - put)} ms later`);
  }
}
