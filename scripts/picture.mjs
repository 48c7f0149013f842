// A picture made from nothing, so that a demonstration needs no network: two colours fading into each other behind a row of discs.
import { crc32, deflateSync } from 'node:zlib';

/** PNG bytes of a true-colour picture; `from`, `to` and `disc` are [red, green, blue]. */
export function picture({ width, height, from, to, disc }) {
  const rows = Buffer.alloc(height * (1 + width * 3));
  const radius = height / 6;
  for (let y = 0, at = 0; y < height; y++) {
    rows[at++] = 0; // PNG §9.2: this row is not filtered
    for (let x = 0; x < width; x++) {
      const share = (x / width + y / height) / 2;
      const slot = width / 5;
      const inside = Math.hypot((x % slot) - slot / 2, y - height / 2) < radius;
      for (let part = 0; part < 3; part++) rows[at++] = inside ? disc[part] : from[part] + (to[part] - from[part]) * share;
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8); // eight bits a channel, true colour
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type, data) {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}
