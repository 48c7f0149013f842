// Whether what a folder built still stands for its sources: a hash of what goes in, and the names of what came out.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

const STAMP = '.stamp';
const NO_INPUT = new Set(['dist', 'node_modules', 'coverage']);

/** The hash of a target's sources, of the files that every target depends on, and of the hashes of the targets it is built on. */
export function inputHash(folder, shared, needed) {
  const hash = createHash('sha256');
  for (const part of [process.versions.node.split('.')[0], ...needed]) hash.update(`${part}\0`);
  for (const file of shared) hash.update(readFileSync(file)).update('\0');
  for (const file of inputs(folder))
    hash
      .update(`${relative(folder, file)}\0`)
      .update(readFileSync(file))
      .update('\0');
  return hash.digest('hex');
}

/** Tests and what supports them build nothing. */
function inputs(folder) {
  return filesUnder(folder, (name, path) => NO_INPUT.has(name) || name.startsWith('.') || path === join(folder, 'src', 'test')).filter(
    (file) => !/\.test\.[^.]+$/.test(file) && !file.endsWith('.tsbuildinfo'),
  );
}

/** 'fresh', 'changed', or 'damaged': the sources are as they were, but something that was built is gone. */
export function stateOf(folder, hash) {
  const last = readStamp(folder);
  if (last === undefined) return existsSync(join(folder, 'dist')) ? 'changed' : 'damaged';
  if (last.outputs.some((file) => !existsSync(join(folder, 'dist', file)))) return 'damaged';
  return last.hash === hash ? 'fresh' : 'changed';
}

function readStamp(folder) {
  try {
    return JSON.parse(readFileSync(join(folder, 'dist', STAMP), 'utf8'));
  } catch {
    return undefined;
  }
}

/** From here on the folder counts as stale, also when the build is killed. */
export function unstamp(folder) {
  rmSync(join(folder, 'dist', STAMP), { force: true });
}

export function stamp(folder, hash) {
  const dist = join(folder, 'dist');
  const outputs = filesUnder(dist, (name) => name.startsWith('.')).map((file) => relative(dist, file));
  writeFileSync(join(dist, STAMP), JSON.stringify({ hash, outputs }));
}

/** Deletes compiled files whose source is gone: they would still be found by an import or by a look through the folder. */
export function prune(folder) {
  const dist = join(folder, 'dist');
  for (const file of existsSync(dist) ? filesUnder(dist, (name) => name.startsWith('.')) : []) {
    const match = /^(.*?)\.(?:js|d\.ts)(?:\.map)?$/.exec(relative(dist, file));
    const source = match === null ? undefined : join(folder, 'src', match[1] ?? '');
    if (source !== undefined && !existsSync(`${source}.ts`) && !existsSync(`${source}.tsx`)) rmSync(file);
  }
}

function filesUnder(folder, skips) {
  const found = [];
  for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = `${folder}${sep}${entry.name}`;
    if (skips(entry.name, path)) continue;
    if (entry.isDirectory()) found.push(...filesUnder(path, skips));
    else found.push(path);
  }
  return found;
}
