/** As much of a manifest as a simulated screen acts on. */
export interface ReadManifest {
  campaignId: string;
  version: number;
  startAt: number;
  expireAt: number;
}

const MARK = Buffer.from('"campaignId":"');
const UUID_LENGTH = 36;
/** Campaigns whose bytes are remembered; beyond it the memory starts anew. */
const MOST_REMEMBERED = 2000;

/**
 * Reads manifests. All screens get the same bytes for one campaign, so each text is parsed once and then only compared:
 * 0.4 µs against 4 µs for 900 bytes.
 */
export class ManifestReader {
  private readonly remembered = new Map<string, { bytes: Buffer; manifest: ReadManifest }>();

  /** The manifest, or undefined when the payload is none. */
  read(payload: Buffer): ReadManifest | undefined {
    const key = keyOf(payload);
    const known = key === undefined ? undefined : this.remembered.get(key);
    if (known?.bytes.equals(payload) === true) return known.manifest;
    const manifest = parse(payload);
    if (manifest !== undefined && key !== undefined) {
      if (this.remembered.size >= MOST_REMEMBERED) this.remembered.clear();
      // A copy: the payload is a view into the socket's much larger buffer.
      this.remembered.set(key, { bytes: Buffer.from(payload), manifest });
    }
    return manifest;
  }

  /** The bytes of the last manifest of a campaign, or undefined when none came. */
  bytesOf(campaignId: string): Buffer | undefined {
    return this.remembered.get(campaignId)?.bytes;
  }
}

function keyOf(payload: Buffer): string | undefined {
  const at = payload.indexOf(MARK);
  return at < 0 ? undefined : payload.toString('latin1', at + MARK.length, at + MARK.length + UUID_LENGTH);
}

function parse(payload: Buffer): ReadManifest | undefined {
  const value = parseObject(payload);
  if (value === undefined) return undefined;
  const { campaignId, version, startAt, expireAt } = value;
  if (typeof campaignId !== 'string' || typeof version !== 'number' || typeof startAt !== 'number' || typeof expireAt !== 'number')
    return undefined;
  return { campaignId, version, startAt, expireAt };
}

/** The JSON object in a payload, or undefined when it holds none. */
export function parseObject(payload: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(payload.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
