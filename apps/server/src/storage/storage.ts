import type { Readable } from 'node:stream';
import type { AssetType } from '@marquee/contracts';

/** Why bytes were not kept. */
export type StorageErrorKind = 'TooLarge' | 'UnknownType' | 'StorageFull' | 'Empty';

/**
 * What `put` throws when the bytes cannot be kept and the caller can do something about it. Nothing of them
 * is left on the disk. Anything else they throw is the source's own error or a fault of the machine.
 */
export class StorageError extends Error {
  override readonly name = 'StorageError';
  constructor(
    readonly kind: StorageErrorKind,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export interface PutLimits {
  /** Bytes; one more and `put` throws TooLarge and stops reading. */
  maxBytes: number;
  /** What the bytes may turn out to be; anything else is UnknownType. All kinds of asset when absent. */
  expectTypes?: readonly AssetType[];
}

/** What is known of bytes that are kept. */
export interface StoredBytes {
  /** 64 lower-case hex digits of the SHA-256 of the bytes; their only name. */
  sha256: string;
  sizeBytes: number;
  /** MIME type. */
  type: string;
}

/** Bytes that were recognised as something a screen can show; `type` is read from the bytes, never from a header or file name. */
export interface StoredAsset extends StoredBytes {
  assetType: AssetType;
}

/** First and last byte, both included, as in an HTTP range. */
export interface ByteRange {
  start: number;
  end: number;
}

export interface OpenedBytes {
  /** The bytes asked for. Holds a file or connection: read it to its end or destroy it. */
  stream: Readable;
  /** Of the whole, whatever the range. */
  sizeBytes: number;
  type: string;
}

/**
 * Keeps bytes by their digest. The same bytes are kept once; what a digest names never changes, so an answer may be cached
 * for ever. A digest that is not 64 lower-case hex digits names nothing (and never reaches a path).
 */
export interface Storage {
  /**
   * Reads the source to its end and keeps it; memory stays bounded whatever its size. Resolves when the bytes survive a loss
   * of power; at any number of callers with the same content all of them resolve alike. On failure the source is destroyed
   * (an iterator: returned) and StorageError or the source's own error is thrown.
   */
  put(source: Readable | AsyncIterable<Uint8Array>, limits: PutLimits): Promise<StoredAsset>;
  /** A range that starts past the end throws RangeError; one that ends past it is cut. */
  open(sha256: string, range?: ByteRange): Promise<OpenedBytes | undefined>;
  stat(sha256: string): Promise<StoredBytes | undefined>;
}
