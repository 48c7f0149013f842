import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HttpClient } from './http-client.js';
import { freePort } from '@marquee/testing';

/** The built server; `npm test` builds it first. TEST_SERVER_MAIN names another build to hold to the same flows. */
export const SERVER_MAIN = process.env['TEST_SERVER_MAIN'] ?? fileURLToPath(new URL('../../../dist/main.js', import.meta.url));

const START_MS = 90_000;
const END_MS = 60_000;

export interface ServerOptions {
  /** Absent: the embedded PostgreSQL in the folder. */
  databaseUrl?: string;
  /** Kept when given; else one of its own that goes with the process. */
  dataDir?: string;
  /** Those of a server that has ended, to be found where it was; else free ones. */
  ports?: ServerPorts;
  environment?: Record<string, string>;
}

export interface ServerPorts {
  http: number;
  mqtt: number;
  ws: number;
}

/** How a process ended. */
export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  output: string;
}

/** The product as a user starts it, on free loopback ports. One without the role api is ready when it says so. */
export class ServerProcess {
  readonly http: HttpClient;
  private output = '';
  private readonly ended: Promise<Ended>;

  private constructor(
    readonly child: ChildProcess,
    readonly ports: ServerPorts,
    readonly dataDir: string,
    private readonly ownsFolder: boolean,
    private readonly servesHttp: boolean,
  ) {
    this.http = new HttpClient(this.url);
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    this.ended = once(child, 'close').then(([code, signal]) => ({ code, signal, output: this.output }));
  }

  get url(): string {
    return `http://127.0.0.1:${this.ports.http}`;
  }

  get mqttUrl(): string {
    return `mqtt://127.0.0.1:${this.ports.mqtt}`;
  }

  /** What it has printed so far, both streams. */
  get printed(): string {
    return this.output;
  }

  /** Starts one and waits until it is ready. A free port that another took meanwhile is tried anew. */
  static async start(options: ServerOptions = {}): Promise<ServerProcess> {
    for (let attempt = 1; ; attempt += 1) {
      const server = await ServerProcess.launch(options);
      if (await server.untilReady()) return server;
      const { code, output } = await server.end();
      if (attempt === 3 || !/is taken/.test(output)) throw new Error(`the server ended with ${code}:\n${output}`);
    }
  }

  /** Starts one and waits for nothing: for starts that are meant to fail. */
  static async launch({ databaseUrl, dataDir, ports: given, environment = {} }: ServerOptions = {}): Promise<ServerProcess> {
    const folder = dataDir ?? (await mkdtemp(join(tmpdir(), 'marquee-flow-')));
    const ports = given ?? { http: await freePort(), mqtt: await freePort(), ws: await freePort() };
    const servesHttp = /all|api/.test(environment['ROLES'] ?? 'all');
    const child = spawn(process.execPath, [SERVER_MAIN], {
      // A folder without .env: nothing of the developer's own settings gets in.
      cwd: tmpdir(),
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        PORT: String(ports.http),
        MQTT_PORT: String(ports.mqtt),
        MQTT_WS_PORT: String(ports.ws),
        DATA_DIR: folder,
        LOG_LEVEL: servesHttp ? 'warn' : 'info',
        ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
        ...environment,
      },
    });
    return new ServerProcess(child, ports, folder, dataDir === undefined, servesHttp);
  }

  /** Sends a signal; answers how it ended. Rejects when it does not end. */
  async signal(signal: NodeJS.Signals = 'SIGTERM', withinMs = END_MS): Promise<Ended> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill(signal);
    return await this.end(withinMs);
  }

  /** Ends it in good order; rejects when it did not end with 0. */
  async stop(): Promise<void> {
    const { code, signal, output } = await this.signal('SIGTERM');
    if (code !== 0) throw new Error(`the server ended with ${code ?? signal}:\n${output}`);
  }

  /** How it ended, by itself. Kills it and rejects when it has not by then. */
  async end(withinMs = END_MS): Promise<Ended> {
    const timer = setTimeout(() => this.child.kill('SIGKILL'), withinMs);
    const ended = await this.ended;
    clearTimeout(timer);
    this.http.close();
    if (this.ownsFolder) await rm(this.dataDir, { recursive: true, force: true, maxRetries: 3 });
    if (ended.signal === 'SIGKILL') throw new Error(`the server did not end within ${withinMs} ms:\n${ended.output}`);
    return ended;
  }

  /** kill -9, its folder kept when it was given. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
    this.http.close();
  }

  /** False when it ended instead. */
  private async untilReady(): Promise<boolean> {
    const deadline = performance.now() + START_MS;
    while (this.child.exitCode === null && this.child.signalCode === null) {
      if (!this.servesHttp && this.output.includes('"msg":"ready"')) return true;
      const answer = await this.http.get('/readyz').catch(() => undefined);
      if (answer?.status === 200) return true;
      if (performance.now() > deadline) throw new Error(`the server is not ready: ${answer?.text ?? ''}\n${this.output}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return false;
  }
}
