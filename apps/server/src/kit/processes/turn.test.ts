import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PresenceFolder } from './presence.js';
import { identify, isAlive, pidSpace } from './process-identity.js';
import { inTurn } from './turn.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'marquee-turn-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A pid whose process has ended and was waited for. */
async function deadPid(): Promise<number> {
  const child = spawn('true');
  await once(child, 'exit');
  return child.pid ?? 0;
}

describe('a turn', () => {
  test('is one at a time, and everybody gets one', async () => {
    let [inside, most, turns] = [0, 0, 0];
    const work = async (): Promise<void> => {
      inside += 1;
      most = Math.max(most, inside);
      turns += 1;
      await readdir(folder);
      inside -= 1;
    };
    await Promise.all(Array.from({ length: 12 }, () => inTurn(folder, work)));
    expect({ most, turns }).toEqual({ most: 1, turns: 12 });
    expect(await readdir(folder)).toEqual([]);
  });

  test('ends when the work fails', async () => {
    await expect(inTurn(folder, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await inTurn(folder, async () => 'yes')).toBe('yes');
  });

  test('of a process that died is over', async () => {
    await writeFile(join(folder, `${await deadPid()}-1-${pidSpace}-a1`), '');
    expect(await inTurn(folder, async () => 'mine')).toBe('mine');
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('who is there', () => {
  test('is told apart from a later process with the same pid', async () => {
    const self = await identify(process.pid);
    await writeFile(join(folder, `${process.pid}-${self?.started}1-${pidSpace}-a1`), '');
    const here = await new PresenceFolder(folder).enter();
    expect(await new PresenceFolder(folder).living()).toMatchObject([{ name: here.name }]);
    await here.leave();
    expect(await readdir(folder)).toEqual([]);
  });

  test.runIf(process.platform === 'linux')('a zombie is not: it holds nothing any more', async () => {
    // The shell turns into a program that never waits for its child.
    const parent = spawn('sh', ['-c', 'sleep 0.01 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString());
    await expect.poll(() => identify(pid), { interval: 10 }).toBeUndefined();
    expect(process.kill(pid, 0)).toBe(true);
    expect(await isAlive({ pid, started: '' })).toBe(false);
    parent.kill();
    await once(parent, 'exit');
  });

  test('in another container counts while its file is touched, and no longer', async () => {
    const path = join(folder, '1-1-elsewhere-a1');
    await writeFile(path, '');
    const presence = new PresenceFolder(folder, 1500);
    const beat = setInterval(() => void utimes(path, new Date(), new Date()), 20);
    expect(await presence.living()).toMatchObject([{ pid: 1, elsewhere: true }]);
    clearInterval(beat);
    expect(await presence.living()).toEqual([]);
    expect(await readdir(folder)).toEqual([]);
  });
});
