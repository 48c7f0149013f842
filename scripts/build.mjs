// Builds what is stale and nothing else. `node scripts/build.mjs [--only server|player|console|packages|bench]`
import './node-version.mjs';
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { holding } from './lock.mjs';
import { inputHash, prune, stamp, stateOf, unstamp } from './stale.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/** In the order of building: a target comes after those it needs. */
const TARGETS = [
  { name: 'contracts', folder: 'packages/contracts', tool: 'tsc', needs: [] },
  { name: 'testing', folder: 'packages/testing', tool: 'tsc', needs: [] },
  { name: 'simulator', folder: 'packages/simulator', tool: 'tsc', needs: ['contracts'] },
  { name: 'server', folder: 'apps/server', tool: 'tsc', needs: ['contracts'], copies: 'store/migrations' },
  { name: 'player', folder: 'apps/player', tool: 'vite', needs: ['contracts'] },
  { name: 'console', folder: 'apps/console', tool: 'vite', needs: ['contracts'] },
  { name: 'bench', folder: 'bench', tool: 'tsc', needs: ['contracts', 'testing', 'simulator', 'server'] },
].map((target) => ({ ...target, folder: join(root, target.folder) }));

const GROUPS = {
  all: TARGETS.map((target) => target.name),
  packages: ['contracts', 'testing', 'simulator'],
  server: ['contracts', 'server'],
  player: ['contracts', 'player'],
  console: ['contracts', 'console'],
  bench: ['contracts', 'testing', 'simulator', 'server', 'bench'],
};

const SHARED = ['package-lock.json', 'tsconfig.base.json'].map((file) => join(root, file));

/** A build that failed; its message is what the tool said. */
export class BuildFailed extends Error {}

/** Builds those of the named targets that are stale; throws BuildFailed. */
export async function build(names = GROUPS.all) {
  if (!existsSync(join(root, 'node_modules', 'typescript'))) throw new BuildFailed('Nothing is installed yet: run `npm ci` first.');
  if (staleOf(names).length === 0) return;
  await holding(join(root, 'node_modules', '.cache', 'marquee', 'build.lock'), () => buildStale(names));
}

function staleOf(names) {
  const hashes = new Map();
  const stale = [];
  for (const target of TARGETS) {
    const { name, folder, needs } = target;
    // A workspace without sources has nothing to build.
    if (!existsSync(join(folder, 'src'))) continue;
    const hash = inputHash(
      folder,
      SHARED,
      needs.map((need) => hashes.get(need)),
    );
    hashes.set(name, hash);
    const state = stateOf(folder, hash);
    if (names.includes(name) && state !== 'fresh') stale.push({ ...target, hash, state });
  }
  return stale;
}

async function buildStale(names) {
  const started = Date.now();
  const stale = staleOf(names);
  for (const target of stale) unstamp(target.folder);
  // The compiler orders its projects by itself; the pages only wait for the contracts.
  const compiled = stale.filter((target) => target.tool === 'tsc');
  const first = compiled.filter((target) => target.name === 'contracts');
  const rest = compiled.filter((target) => target.name !== 'contracts');
  const pages = stale.filter((target) => target.tool === 'vite');
  await compile(first);
  const failures = (await Promise.allSettled([compile(rest), ...pages.map(bundle)])).filter((each) => each.status === 'rejected');
  if (failures.length > 0) throw new BuildFailed(failures.map((failure) => failure.reason.message).join('\n'));
  if (stale.length > 0)
    process.stderr.write(`built ${stale.map((target) => target.name).join(', ')} in ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
}

async function compile(targets) {
  if (targets.length === 0) return;
  for (const { folder, state } of targets) {
    // The compiler trusts its own notes: with something missing it must start over.
    if (state === 'damaged') rmSync(join(folder, 'dist'), { recursive: true, force: true });
    prune(folder);
  }
  const folders = targets.map((target) => target.folder);
  await run(targets.map((target) => target.name).join(', '), root, 'typescript', 'bin/tsc', [
    '-b',
    '--pretty',
    process.stderr.isTTY ? 'true' : 'false',
    ...folders,
  ]);
  for (const target of targets) {
    if (target.copies !== undefined) copy(join(target.folder, 'src', target.copies), join(target.folder, 'dist', target.copies));
    stamp(target.folder, target.hash);
  }
}

function copy(from, to) {
  rmSync(to, { recursive: true, force: true });
  mkdirSync(to, { recursive: true });
  if (existsSync(from)) cpSync(from, to, { recursive: true, filter: (file) => !file.endsWith('.ts') });
}

async function bundle(target) {
  await run(target.name, target.folder, 'vite', 'bin/vite.js', ['build', '--logLevel', 'warn']);
  stamp(target.folder, target.hash);
}

/** Runs a package's program and keeps what it says for the one case in which anybody wants to read it. */
function run(name, folder, packageName, program, args) {
  const path = join(createRequire(join(folder, 'package.json')).resolve(`${packageName}/package.json`), '..', program);
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [path, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (said += text));
    child.on('error', fail);
    child.on('close', (code, signal) => {
      if (code === 0) done();
      else fail(new BuildFailed(`${said.trim()}\nThe build of ${name} failed (${signal ?? `exit code ${code}`}).`));
    });
  });
}

/** Builds, and ends the process with the tool's own words when that fails. */
export async function buildOrExit(...groups) {
  try {
    await build([...new Set(groups.flatMap((group) => GROUPS[group]))]);
  } catch (error) {
    process.stderr.write(`${error instanceof BuildFailed ? error.message : error.stack}\n`);
    process.exit(1);
  }
}

function groupFrom(args) {
  if (args.length === 0) return 'all';
  if (args[0] === '--only' && args.length === 2 && Object.hasOwn(GROUPS, args[1])) return args[1];
  process.stderr.write(`usage: node scripts/build.mjs [--only ${Object.keys(GROUPS).join('|')}]\n`);
  process.exit(2);
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url))
  await buildOrExit(groupFrom(process.argv.slice(2)));
