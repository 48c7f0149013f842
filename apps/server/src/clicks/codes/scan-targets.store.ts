import { nullable, statement, t } from '../../store/statement.js';

/** The asset of this number, with what signs its codes and where they lead. No row: there is none, or its campaign was cancelled. */
export const findScanTarget = statement({
  name: 'scan_targets_find',
  takes: { number: t.bigint },
  gives: { asset: t.uuid, asset_type: t.text, campaign: t.uuid, click_url: nullable(t.text), code_key: t.bytes },
  text: `
    select a.id as asset, a.asset_type, c.id as campaign, c.click_url, c.code_key
    from campaign_assets a join campaigns c on c.id = a.campaign_id where a.number = $number and c.status <> 'cancelled'`,
});

/** The screen that codes name by this digest. */
export const findScannedScreen = statement({
  name: 'scan_targets_find_screen',
  takes: { digest: t.bytes },
  gives: { device_id: t.text },
  text: 'select device_id from devices where screen_digest(device_id) = $digest limit 1',
});
