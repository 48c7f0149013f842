import type { DeliveryState, DeliveryView } from '@marquee/contracts';
import { nullable, t, type ValuesOf } from './statement.js';

/** What a statement gives that says `DELIVERY`. */
export const deliveryRow = {
  id: t.uuid,
  campaign_id: t.uuid,
  execution_id: t.uuid,
  recipient: t.text,
  status: t.text,
  epoch: t.int,
  attempt: t.int,
  offers: t.int,
  last_error: nullable(t.text),
  install_error: nullable(t.text),
  settled_at: nullable(t.bigint),
  acknowledged_at: nullable(t.bigint),
  acknowledged_version: nullable(t.int),
  on_air: t.bool,
  revoke_acked_at: nullable(t.bigint),
};

/** The columns of a row `d` of deliveries as `deliveryView` takes them. */
export const DELIVERY = `
  d.id, d.campaign_id, d.execution_id, d.recipient, d.status, d.epoch, d.attempt - d.unstarted as attempt, d.offers, d.last_error, d.install_error,
  epoch_ms(d.settled_at) as settled_at, epoch_ms(d.acknowledged_at) as acknowledged_at, d.acknowledged_version, d.on_air,
  epoch_ms(d.revoke_acked_at) as revoke_acked_at`;

/** A delivery as the API answers it. */
export function deliveryView(row: ValuesOf<typeof deliveryRow>): DeliveryView {
  return {
    id: row.id,
    campaignId: row.campaign_id,
    executionId: row.execution_id,
    recipient: row.recipient,
    status: row.status as DeliveryState,
    epoch: row.epoch,
    attempt: row.attempt,
    offers: row.offers,
    lastError: row.last_error,
    installError: row.install_error,
    settledAt: row.settled_at,
    acknowledgedAt: row.acknowledged_at,
    acknowledgedVersion: row.acknowledged_version,
    onAir: row.on_air,
    revokeAckedAt: row.revoke_acked_at,
  };
}
