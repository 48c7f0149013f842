/**
 * What a built template and the player that frames it say to each other with postMessage. The frame has an opaque
 * origin (sandbox without allow-same-origin): it cannot read the player's storage, so it asks for each asset and is handed a Blob.
 */
export const STAGE_CHANNEL = 'marquee-stage-1';

/**
 * The name (`window.name`) of a frame whose player tells the template when to play. A template that finds it waits at its
 * first slide, painted and still, until `play` comes; in a frame of another name, and in no frame, it plays by itself.
 */
export const STAGE_FRAME_NAME = 'marquee-stage-plays';

/** Template to player. */
export type StageRequest =
  | { channel: typeof STAGE_CHANNEL; type: 'asset'; assetId: string }
  /** Asks for the QR code of a slide; without an answer the template shows the one that it was built with. */
  | { channel: typeof STAGE_CHANNEL; type: 'qr'; assetId: string }
  /** The first slide is painted. */
  | { channel: typeof STAGE_CHANNEL; type: 'ready' }
  /** A slide is shown from now on; said again at each of its turns. */
  | { channel: typeof STAGE_CHANNEL; type: 'slide'; assetId: string; index: number }
  /** The picture that was asked for: JPEG or PNG. */
  | { channel: typeof STAGE_CHANNEL; type: 'picture'; blob: Blob };

/** Player to template. */
export type StageReply =
  /** `blob: null` when the player does not have the asset: the template then falls back to its URL. */
  | { channel: typeof STAGE_CHANNEL; type: 'asset'; assetId: string; blob: Blob | null }
  /** This screen's own QR code: `size` modules a side, the dark ones as an SVG path in units of a module, without a quiet zone. */
  | { channel: typeof STAGE_CHANNEL; type: 'qr'; assetId: string; size: number; path: string }
  /** The campaign is in the display: the slides begin. May come ahead of `ready`, and more than once. */
  | { channel: typeof STAGE_CHANNEL; type: 'play' }
  /** Asks for a picture of what is shown. */
  | { channel: typeof STAGE_CHANNEL; type: 'picture' };

/** How long a template waits for the player's answer before it falls back to the asset's URL. */
export const STAGE_REPLY_TIMEOUT_MS = 1500;
