import { nullable, statement, t } from '../store/statement.js';

const ruleRow = {
  id: t.uuid,
  name: t.text,
  audience: t.json,
  grace_ms: t.bigint,
  webhook_url: nullable(t.text),
  has_secret: t.bool,
  emails: t.texts,
  enabled: t.bool,
  snoozed_until: nullable(t.bigint),
  open_outages: t.bigint,
};
const RULE = `
  r.id, r.name, r.audience, r.grace_ms, r.webhook_url, r.webhook_secret is not null as has_secret, r.emails, r.enabled,
  case when r.snoozed_until > now() then epoch_ms(r.snoozed_until) end as snoozed_until,
  (select count(*) from outages o where o.rule_id = r.id and o.closed_at is null) as open_outages`;

/** Rules in the order in which they were made, after the id $after. */
export const listRules = statement({
  name: 'alert_rules_list',
  takes: { after: nullable(t.uuid), skip: t.int, most: t.int },
  gives: ruleRow,
  text: `select ${RULE} from alert_rules r where ($after is null or r.id > $after) order by r.id offset $skip limit $most`,
});

export const countRules = statement({
  name: 'alert_rules_count',
  takes: {},
  gives: { n: t.bigint },
  text: 'select count(*) as n from alert_rules',
});

export const findRule = statement({
  name: 'alert_rules_find',
  takes: { id: t.uuid },
  gives: ruleRow,
  text: `select ${RULE} from alert_rules r where r.id = $id`,
});

const settable = {
  ruleName: t.text,
  means: t.jsonText,
  graceMs: t.bigint,
  webhookUrl: nullable(t.text),
  secret: nullable(t.text),
  emails: t.texts,
  enabled: t.bool,
};

/** Makes a rule that is looked at at once. No row: there are $most already. */
export const insertRule = statement({
  name: 'alert_rules_insert',
  takes: { id: t.uuid, most: t.int, ...settable },
  gives: { id: t.uuid },
  text: `
    insert into alert_rules (id, name, audience, grace_ms, webhook_url, webhook_secret, emails, enabled)
    select $id, $ruleName, $means, $graceMs, $webhookUrl, $secret, $emails, $enabled
    where (select count(*) from alert_rules) < $most returning id`,
});

/**
 * Sets all of a rule and has everything that it means looked at anew; waits for a look that is under way. The secret stays where
 * $keepSecret. No row: there is no such rule.
 */
export const updateRule = statement({
  name: 'alert_rules_update',
  takes: { id: t.uuid, keepSecret: t.bool, ...settable },
  gives: { id: t.uuid },
  text: `
    update alert_rules set name = $ruleName, audience = $means, grace_ms = $graceMs, webhook_url = $webhookUrl,
      webhook_secret = case when $webhookUrl is null then null when $keepSecret then webhook_secret else $secret end,
      emails = $emails, enabled = $enabled, next_look_at = now(), full_look_at = now()
    where id = $id returning id`,
});

/** Forgets a rule with its outages and notices: nothing of it is sent any more, but for what is under way. */
export const deleteRule = statement({
  name: 'alert_rules_delete',
  takes: { id: t.uuid },
  gives: { id: t.uuid },
  text: 'delete from alert_rules where id = $id returning id',
});

/** A moment, or so many ms from now on the database's clock; null: not at all. Answers the moment in epoch ms. */
const MOMENT = `coalesce(to_timestamp($until::float8 / 1000), now() + $forMs * interval '1 ms')`;
const moment = { until: nullable(t.bigint), forMs: nullable(t.bigint) };

/** Snoozes a rule or, with neither moment, wakes it. No row: there is no such rule. */
export const snoozeRule = statement({
  name: 'alert_rules_snooze',
  takes: { id: t.uuid, ...moment },
  gives: { snoozed_until: nullable(t.bigint) },
  text: `
    update alert_rules set snoozed_until = ${MOMENT}, next_look_at = case when enabled then now() else next_look_at end
    where id = $id returning epoch_ms(snoozed_until) as snoozed_until`,
});

/** Snoozes a screen; the latest snooze holds. No row: there is no such screen. */
export const snoozeScreen = statement({
  name: 'screen_snoozes_put',
  takes: { device: t.text, ...moment },
  gives: { snoozed_until: t.bigint },
  text: `
    insert into screen_snoozes (device_id, snoozed_until) select s.device_id, ${MOMENT} from devices s where s.device_id = $device
    on conflict (device_id) do update set snoozed_until = excluded.snoozed_until
    returning epoch_ms(snoozed_until) as snoozed_until`,
});

/** Until when a screen is snoozed: null when it is not. No row: there is no such screen. */
export const snoozeOfScreen = statement({
  name: 'screen_snoozes_find',
  takes: { device: t.text },
  gives: { snoozed_until: nullable(t.bigint) },
  text: `
    select epoch_ms(z.snoozed_until) as snoozed_until
    from devices s left join screen_snoozes z on z.device_id = s.device_id and z.snoozed_until > now()
    where s.device_id = $device`,
});

/** Ends a screen's snooze, if there is one. */
export const wakeScreen = statement({
  name: 'screen_snoozes_delete',
  takes: { device: t.text },
  gives: {},
  text: 'delete from screen_snoozes where device_id = $device',
});

/** Tells the feed and the actors that alerts changed; in the transaction that changes them. */
export const alertsChanged = statement({
  name: 'alerts_changed',
  takes: {},
  gives: {},
  text: `
    insert into outbox (aggregate_type, aggregate_id, event_type, payload, processed)
    values ('alerts', '00000000-0000-0000-0000-000000000000', 'alerts_changed', '{}', true)`,
});
