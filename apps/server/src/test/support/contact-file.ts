import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { text } from 'node:stream/consumers';
import type { Answer } from './http-client.js';

/** A CSV file of so many contacts, made while it is sent; every hundredth line is wrong. Ids have `start` in front. */
export function contactFile(count: number, start = 'c'): Readable {
  return Readable.from(
    (function* () {
      yield 'id,email,phone,tags,timeZone,city,note\n';
      for (let from = 0; from < count; from += 500) {
        let piece = '';
        for (let index = from; index < Math.min(count, from + 500); index += 1) {
          const email = index % 100 === 99 ? 'nobody' : `${start}-${index}@example.test`;
          piece += `${start}-${index},${email},+43 1 ${1_000_000 + index},tag-${index % 10};all,Europe/Vienna,City ${index % 500},"Note, no. ${index}"\n`;
        }
        yield piece;
      }
    })(),
    { objectMode: true, highWaterMark: 2 },
  );
}

/** Posts a body while it is made, as fast as it is taken. */
export async function postStream(url: string, type: string, body: Readable): Promise<Answer> {
  const outgoing = request(url, { method: 'POST', agent: false, headers: { 'content-type': type } });
  const [[incoming]] = await Promise.all([once(outgoing, 'response'), pipeline(body, outgoing)]);
  const answer = await text(incoming);
  return { status: incoming.statusCode, headers: incoming.headers, text: answer, json: () => JSON.parse(answer) };
}

const CAN_TELL = process.platform === 'linux';

/** Has Linux forget the most memory that a process ever held (proc(5), clear_refs). */
export async function forgetPeak(pid: number): Promise<void> {
  if (CAN_TELL) await writeFile(`/proc/${pid}/clear_refs`, '5');
}

/** The most memory that a process held since, in MB; 0 where the system is not Linux. */
export async function peakMegabytes(pid: number): Promise<number> {
  if (!CAN_TELL) return 0;
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
}
