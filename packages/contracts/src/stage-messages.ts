/**
 * What a built template and the player that frames it say to each other with postMessage. The frame has an opaque
 * origin (sandbox without allow-same-origin): it cannot read the player's storage, so it asks for each asset and is handed a Blob.
 */
export const STAGE_CHANNEL = 'marquee-stage-1';

/** Template to player. */
export type StageRequest =
  | { channel: typeof STAGE_CHANNEL; type: 'asset'; assetId: string }
  | { channel: typeof STAGE_CHANNEL; type: 'ready' }
  | { channel: typeof STAGE_CHANNEL; type: 'slide'; assetId: string; index: number };

/** Player to template; `blob: null` when the player does not have the asset: the template then falls back to its URL. */
export type StageReply = { channel: typeof STAGE_CHANNEL; type: 'asset'; assetId: string; blob: Blob | null };

/** How long a template waits for the player's answer before it falls back to the asset's URL. */
export const STAGE_REPLY_TIMEOUT_MS = 1500;
