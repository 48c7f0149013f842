import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const server = 'apps/server/src';

const below = ['kit', 'store', 'storage', 'feed'];
const nouns = ['alerts', 'campaigns', 'audience', 'contacts', 'creatives', 'executions', 'deliveries', 'screens', 'clicks'];

/** Whom each room of the server may import, besides itself and the contracts. The linter's configuration is held against this. */
const mayImport: Record<string, string[]> = {
  kit: [],
  config: ['kit'],
  store: ['kit'],
  storage: ['kit'],
  feed: ['kit', 'store', 'storage'],
  ...Object.fromEntries(nouns.map((noun) => [noun, below])),
  bus: ['kit'],
  broker: ['kit'],
  channels: ['kit'],
  dispatch: below,
  http: [...below, ...nouns, 'dispatch'],
  cli: ['config', 'bus', 'broker', 'channels', 'http', ...below, ...nouns, 'dispatch'],
};
const rooms = Object.keys(mayImport);

interface Finding {
  code: string;
  file: string;
  message: string;
}

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** Lints a made-up repository of these files by the real configuration. */
function lint(files: Record<string, string>): Finding[] {
  const folder = mkdtempSync(join(tmpdir(), 'marquee-walls-'));
  folders.push(folder);
  cpSync(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'));
  cpSync(join(root, 'tsconfig.base.json'), join(folder, 'tsconfig.base.json'));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ extends: './tsconfig.base.json', include: ['apps', 'packages'] }));
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(join(folder, dirname(file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  const oxlint = join(root, 'node_modules/oxlint/bin/oxlint');
  const run = spawnSync(process.execPath, [oxlint, '--type-aware', '-f', 'json'], { cwd: folder, encoding: 'utf8', maxBuffer: 2 ** 28 });
  const report = JSON.parse(run.stdout) as { diagnostics: { code: string; filename: string; message: string; help?: string }[] };
  return report.diagnostics.map(({ code, filename, message, help }) => ({ code, file: filename, message: `${message} ${help ?? ''}` }));
}

const WALL = 'eslint(no-restricted-imports)';
const importing = (specifier: string) => `export { some } from '${specifier}';\n`;

/** The files of `cases` that break a wall. */
function wallBreakers(cases: Map<string, string>): Set<string> {
  const findings = lint(Object.fromEntries([...cases].map(([file, specifier]) => [file, importing(specifier)])));
  return new Set(findings.filter((finding) => finding.code === WALL).map((finding) => finding.file));
}

describe('the walls between the rooms', { timeout: 180_000 }, () => {
  it('stand between every two rooms of the server, however deep the file lies', () => {
    const allowed = new Map<string, string>();
    const forbidden = new Map<string, string>();
    for (const room of rooms)
      for (const other of [...rooms, 'test', 'main', 'metrics', 'wiring']) {
        if (other === room) continue;
        const isFile = ['main', 'metrics', 'wiring'].includes(other);
        const specifier = isFile ? `../${other}.js` : `../${other}/${other}.store.js`;
        const isAllowed =
          mayImport[room]?.includes(other) === true ||
          (room === 'dispatch' && ['campaigns', 'executions', 'audience', 'deliveries', 'screens'].includes(other)) ||
          (room === 'cli' && ['metrics', 'wiring'].includes(other));
        const cases = isAllowed ? allowed : forbidden;
        cases.set(`${server}/${room}/imports-${other}.ts`, specifier);
        cases.set(`${server}/${room}/deep/er/imports-${other}.ts`, `../../${specifier}`);
      }
    const broken = wallBreakers(new Map([...allowed, ...forbidden]));
    expect([...forbidden.keys()].filter((file) => !broken.has(file))).toEqual([]);
    expect([...allowed.keys()].filter((file) => broken.has(file))).toEqual([]);
  });

  it('know every room there is', () => {
    const found = readdirSync(join(root, server), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    const placed = new Set([...rooms, 'test', 'wiring']);
    expect(found.map((entry) => entry.name).filter((name) => !placed.has(name))).toEqual([]);
  });

  it('let dispatch use stores and ports, not services and adapters', () => {
    const forbidden = new Map([
      [`${server}/dispatch/a.ts`, '../campaigns/campaigns.service.js'],
      [`${server}/dispatch/b.ts`, '../creatives/creatives.store.js'],
      [`${server}/dispatch/c.ts`, '../bus/local-bus.js'],
      [`${server}/dispatch/d.ts`, '../channels/screen-channel.js'],
      [`${server}/dispatch/e.ts`, '../broker/embedded-broker.js'],
    ]);
    const allowed = new Map([
      [`${server}/dispatch/f.ts`, '../deliveries/deliveries.store.js'],
      [`${server}/dispatch/g.ts`, '../bus/bus.js'],
      [`${server}/dispatch/h.ts`, '../channels/channel.js'],
    ]);
    expect([...wallBreakers(new Map([...allowed, ...forbidden]))].sort()).toEqual([...forbidden.keys()]);
  });

  it('keep configuration to wiring and main, and adapters to wiring', () => {
    const forbidden = new Map([
      [`${server}/main.ts`, './store/database.js'],
      [`${server}/wiring.ts`, './cli/main.js'],
      [`${server}/wiring/part.ts`, '../main.js'],
    ]);
    const allowed = new Map([
      [`${server}/main/dummy.ts`, 'node:fs'],
      [`${server}/wiring/api.ts`, '../config/config.js'],
      [`${server}/wiring/bus.ts`, '../bus/local-bus.js'],
    ]);
    expect([...wallBreakers(new Map([...allowed, ...forbidden]))].sort()).toEqual([...forbidden.keys()]);
  });

  it('keep pages, simulator and contracts to the contracts', () => {
    const forbidden = new Map([
      ['apps/console/src/a.ts', '@marquee/server/kit/ids'],
      ['apps/console/src/b.ts', '../../server/src/kit/ids.js'],
      ['apps/player/src/a.ts', '@marquee/contracts'],
      ['apps/player/src/b.ts', '@marquee/simulator'],
      ['apps/player/src/c.ts', '../../../packages/contracts/src/topics.js'],
      [`${server}/kit/a.ts`, '@marquee/testing'],
      [`${server}/kit/b.ts`, '@marquee/simulator'],
      ['packages/contracts/src/a.ts', '@marquee/server/kit/ids'],
      ['packages/contracts/src/b.ts', '../../simulator/src/fleet.js'],
      ['packages/simulator/src/a.ts', '@marquee/server/kit/ids'],
    ]);
    const allowed = new Map([
      ['apps/console/src/c.ts', '@marquee/contracts'],
      ['apps/player/src/d.ts', '@marquee/contracts/player'],
      ['packages/simulator/src/b.ts', '@marquee/contracts'],
      ['apps/player/src/d.test.ts', '@marquee/testing'],
      [`${server}/campaigns/a.test.ts`, '../screens/screens.store.js'],
      [`${server}/test/flows/a.ts`, '../../wiring.js'],
    ]);
    expect([...wallBreakers(new Map([...allowed, ...forbidden]))].sort()).toEqual([...forbidden.keys()].sort());
  });
});

describe('the linter', { timeout: 180_000 }, () => {
  const refused: [code: string, text: string][] = [
    ['typescript(no-explicit-any)', 'export const some: any = 1;'],
    ['typescript(no-floating-promises)', 'export function run(work: () => Promise<void>) { work(); }'],
    ['typescript(no-misused-promises)', 'export function run(work: () => Promise<boolean>) { if (work()) return 1; return 2; }'],
    ['typescript(consistent-type-imports)', "import { Server } from 'node:net';\nexport type Some = Server;"],
    ['typescript(no-non-null-assertion)', 'export const first = (list: string[]) => list[0]!.length;'],
    ['typescript(ban-ts-comment)', '// @ts-ignore\nexport const some: string = 1;'],
    ['eslint(no-unused-vars)', 'const some = 1;\nexport {};'],
    ['eslint(no-console)', "console.log('hello');\nexport {};"],
    ['node(no-process-env)', "export const port = process.env['PORT'];"],
    ['eslint(max-lines)', `export const lines = [\n${'  1,\n'.repeat(400)}];`],
    ['eslint(max-lines-per-function)', `export function long() {\n${'  Math.random();\n'.repeat(60)}}`],
    ['unicorn(no-abusive-eslint-disable)', '/* eslint-disable */\nexport {};'],
  ];

  it('refuses what costs a reader or a night', () => {
    const file = (index: number) => `${server}/kit/case-${index}.ts`;
    const findings = lint(Object.fromEntries(refused.map(([, text], index) => [file(index), text])));
    const missed = refused.filter(([code], index) => !findings.some((finding) => finding.file === file(index) && finding.code === code));
    expect(missed).toEqual([]);
  });

  it('refuses modules that import each other in a circle', () => {
    const findings = lint({
      [`${server}/kit/one.ts`]: "import { two } from './two.js';\nexport const one = () => two;",
      [`${server}/kit/two.ts`]: "import { one } from './one.js';\nexport const two = () => one;",
    });
    expect(findings.map((finding) => finding.code)).toContain('import(no-cycle)');
  });
});
