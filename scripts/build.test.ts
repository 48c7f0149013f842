import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'marquee-build-'));
const at = (file: string) => join(folder, file);

function write(file: string, text: string): void {
  mkdirSync(dirname(at(file)), { recursive: true });
  writeFileSync(at(file), text);
}

function build(...args: string[]) {
  const started = performance.now();
  const { status, stderr } = spawnSync(process.execPath, [at('scripts/build.mjs'), ...args], { encoding: 'utf8' });
  return { status, said: stderr, ms: performance.now() - started };
}

const tsconfig = (...references: string[]) =>
  JSON.stringify({
    extends: '../../tsconfig.base.json',
    compilerOptions: { rootDir: 'src', outDir: 'dist', types: [] },
    include: ['src'],
    exclude: ['src/**/*.test.ts'],
    references: references.map((path) => ({ path })),
  });

// A repository of the real one's shape, small enough to be built again and again.
beforeAll(() => {
  cpSync(join(root, 'scripts'), at('scripts'), { recursive: true });
  for (const file of ['package-lock.json', 'tsconfig.base.json']) cpSync(join(root, file), at(file));
  mkdirSync(at('node_modules'));
  for (const name of ['typescript', 'vite', 'rolldown', '@types'])
    symlinkSync(join(root, 'node_modules', name), at(`node_modules/${name}`));
  write('package.json', '{"type":"module"}');
  write('packages/contracts/tsconfig.json', tsconfig());
  write('packages/contracts/src/index.ts', 'export const topic: string = "one";\n');
  write('apps/server/tsconfig.json', tsconfig('../../packages/contracts'));
  write('apps/server/src/main.ts', "export { topic } from '../../../packages/contracts/dist/index.js';\n");
  write('apps/server/src/old.ts', 'export const old = 1;\n');
  write('apps/server/src/store/migrations/000001_start.sql', 'select 1;\n');
  write('apps/player/index.html', '<script type="module" src="/src/main.ts"></script>');
  write('apps/player/src/main.ts', "document.title = 'first';\n");
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('the build', { timeout: 180_000 }, () => {
  /** How long building everything took. */
  let firstMs = 0;

  it('builds everything there is, migrations and pages too', () => {
    const { status, said, ms } = build();
    firstMs = ms;
    expect(said).toMatch(/^built contracts, server, player in [\d.]+ s\n$/);
    expect(status).toBe(0);
    for (const file of ['apps/server/dist/main.js', 'apps/server/dist/store/migrations/000001_start.sql', 'apps/player/dist/index.html'])
      expect(existsSync(at(file)), file).toBe(true);
  });

  it('does nothing, quickly, when nothing changed', () => {
    const { status, said, ms } = build();
    expect({ status, said }).toEqual({ status: 0, said: '' });
    expect(ms).toBeLessThan(firstMs / 2);
  });

  it('leaves alone what a test or another part changed', () => {
    write('apps/server/src/main.test.ts', 'export {};\n');
    expect(build().said).toBe('');
    write('apps/player/src/main.ts', "document.title = 'second';\n");
    expect(build().said).toMatch(/^built player in/);
  });

  it('builds again what stands on something that changed', () => {
    write('packages/contracts/src/index.ts', 'export const topic: string = "two";\n');
    expect(build('--only', 'server').said).toMatch(/^built contracts, server in/);
    expect(build().said).toMatch(/^built player in/);
  });

  it('takes away what was built from a source that is gone', () => {
    expect(existsSync(at('apps/server/dist/old.js'))).toBe(true);
    rmSync(at('apps/server/src/old.ts'));
    rmSync(at('apps/server/src/store/migrations/000001_start.sql'));
    write('apps/server/src/store/migrations/000001_begin.sql', 'select 2;\n');
    expect(build().status).toBe(0);
    for (const file of ['old.js', 'old.d.ts', 'old.js.map', 'store/migrations/000001_start.sql'])
      expect(existsSync(at(`apps/server/dist/${file}`)), file).toBe(false);
    expect(existsSync(at('apps/server/dist/store/migrations/000001_begin.sql'))).toBe(true);
  });

  it('mends what was deleted or never finished', () => {
    rmSync(at('apps/server/dist/main.js'));
    expect(build().said).toMatch(/^built server in/);
    expect(existsSync(at('apps/server/dist/main.js'))).toBe(true);
    rmSync(at('apps/player/dist/.stamp'));
    expect(build().said).toMatch(/^built player in/);
  });

  it('passes on what the compiler says, exits 1, and stays stale until it is mended', () => {
    write('apps/server/src/broken.ts', 'export const port: number = "3000";\n');
    for (const _ of [1, 2]) {
      const { status, said } = build();
      expect(said).toContain("broken.ts(1,14): error TS2322: Type 'string' is not assignable to type 'number'.");
      expect(said).toContain('The build of server failed');
      expect(status).toBe(1);
    }
    rmSync(at('apps/server/src/broken.ts'));
    expect(build().status).toBe(0);
  });

  it('passes over a build that was killed', () => {
    const dead = spawnSync(process.execPath, ['-e', '']).pid;
    write('node_modules/.cache/marquee/build.lock', String(dead));
    write('apps/player/src/main.ts', "document.title = 'third';\n");
    expect(build().status).toBe(0);
    expect(readFileSync(at('apps/player/dist/index.html'), 'utf8')).toContain('script');
  });

  it('says how it is used, and what is missing', () => {
    expect(build('--only', 'everything')).toMatchObject({ status: 2, said: expect.stringContaining('usage: ') as string });
    rmSync(at('node_modules'), { recursive: true });
    expect(build()).toMatchObject({ status: 1, said: 'Nothing is installed yet: run `npm ci` first.\n' });
  });
});
