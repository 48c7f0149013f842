import { statement, t } from '../../store/statement.js';

/** Tells the feed that clicks were counted. */
export const tellCountedClicks = statement({
  name: 'clicks_tell_counted',
  takes: { payload: t.jsonText },
  gives: {},
  text: `
    insert into outbox (aggregate_type, aggregate_id, event_type, payload, processed)
    values ('clicks', '00000000-0000-0000-0000-000000000000', 'clicks_counted', $payload, true)`,
});
