/** The states a campaign goes through; `draft` as answered to create, see docs/glossary.md. */
export const CAMPAIGN_STATUSES = ['draft', 'building', 'ready', 'publishing', 'active', 'completed', 'cancelled'] as const;
export type CampaignStatus = (typeof CAMPAIGN_STATUSES)[number];

/** `PENDING -claim-> IN_PROGRESS -begin-> SENDING -settle-> SUCCESS | FAILED | PENDING`, plus `CANCELLED` and `UNKNOWN`. */
export const DELIVERY_STATES = ['PENDING', 'IN_PROGRESS', 'SENDING', 'SUCCESS', 'FAILED', 'CANCELLED', 'UNKNOWN'] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

/** An execution is one run of a campaign over its audience. */
export const EXECUTION_STATES = ['NEW', 'RUNNING', 'PAUSED', 'COMPLETED', 'FAILED', 'CANCELLED', 'SKIPPED'] as const;
export type ExecutionState = (typeof EXECUTION_STATES)[number];

/** Who asked for an execution: a person, the campaign's start, or its schedule. */
export const EXECUTION_KINDS = ['manual', 'auto', 'scheduled'] as const;
export type ExecutionKind = (typeof EXECUTION_KINDS)[number];

/** What screens say back, kept beside the delivery states in a campaign's counts. */
export const SCREEN_COUNTS = ['acknowledged', 'failedInstall', 'onAir', 'revoked'] as const;
export type ScreenCount = (typeof SCREEN_COUNTS)[number];

export const ASSET_TYPES = ['image', 'video', 'html'] as const;
export type AssetType = (typeof ASSET_TYPES)[number];

export const SCREEN_STATUSES = ['online', 'offline'] as const;
export type ScreenStatus = (typeof SCREEN_STATUSES)[number];

/**
 * What a screen may lack, as it says in its status: a secure context (plain HTTP by name), its service worker (the page itself cannot be
 * loaded without the server), storage that the browser promised not to clear, room for what it was offered, an estimate of the server's time.
 */
export const SCREEN_LACKS = ['secure_context', 'service_worker', 'persistent_storage', 'free_storage', 'server_time'] as const;
export type ScreenLack = (typeof SCREEN_LACKS)[number];

/** Kinds of event a screen reports on `devices/{deviceId}/acks`. */
export const SCREEN_EVENT_TYPES = ['INSTALL_ACK', 'DISPLAY_START', 'DISPLAY_COMPLETE', 'REVOKE_ACK', 'ERROR', 'PLAY_LOG'] as const;
export type ScreenEventType = (typeof SCREEN_EVENT_TYPES)[number];

/** Where a click came from: an app that reported it, or a QR code that was scanned. */
export const CLICK_SOURCES = ['api', 'qr'] as const;
export type ClickSource = (typeof CLICK_SOURCES)[number];
