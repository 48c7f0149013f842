import { nullable, statement, t } from '../store/statement.js';

/** Asks the gateway to tell a screen something, if it is online. Answers its status; no row when it is not registered. */
export const requestControl = statement({
  name: 'screens_request_control',
  takes: { id: t.text, message: t.rawJsonText },
  gives: { status: t.text, since: t.bigint },
  text: `
    with screen as materialized (select device_id, status, status_since from devices where device_id = $id),
    requested as (insert into control_requests (device_id, message) select device_id, $message from screen where status = 'online')
    select status, epoch_ms(status_since) as since from screen`,
});

/** As requestControl, for a picture: the one upload that is allowed from now on is the one with this token. */
export const requestScreenshot = statement({
  name: 'screens_request_screenshot',
  takes: { id: t.text, message: t.rawJsonText, token: t.bytes, validMs: t.int },
  gives: { status: t.text, since: t.bigint },
  text: `
    with screen as materialized (select device_id, status, status_since from devices where device_id = $id for key share),
    allowed as (
      insert into screenshots as s (device_id, token_sha256, token_until)
      select device_id, $token, now() + $validMs * interval '1 ms' from screen where status = 'online'
      on conflict (device_id) do update set token_sha256 = excluded.token_sha256, token_until = excluded.token_until),
    requested as (insert into control_requests (device_id, message) select device_id, $message from screen where status = 'online')
    select status, epoch_ms(status_since) as since from screen`,
});

/** Takes what is to be told, each by one caller only and told at most once; what has waited longer than $maxAgeMs concerns nobody any more. */
export const takeControls = statement({
  name: 'screens_take_controls',
  takes: { most: t.int, maxAgeMs: t.int },
  gives: { device_id: t.text, message: t.rawJson, fresh: t.bool },
  text: `
    delete from control_requests
    where id in (select id from control_requests order by id limit $most for update skip locked)
    returning device_id, message, created_at > now() - $maxAgeMs * interval '1 ms' as fresh`,
});

/** Keeps a picture, the last one of its screen, and ends the token that allowed it. No row when the token is not the one that is valid now. */
export const keepScreenshot = statement({
  name: 'screens_keep_screenshot',
  takes: { id: t.text, token: t.bytes, type: t.text, image: t.bytes },
  gives: { taken_at: t.bigint },
  text: `
    update screenshots set token_sha256 = null, token_until = null, type = $type, image = $image, taken_at = now()
    where device_id = $id and token_sha256 = $token and token_until > now()
    returning epoch_ms(taken_at) as taken_at`,
});

export const findScreenshot = statement({
  name: 'screens_find_screenshot',
  takes: { id: t.text },
  gives: { type: nullable(t.text), image: nullable(t.bytes), taken_at: nullable(t.bigint) },
  text: 'select type, image, epoch_ms(taken_at) as taken_at from screenshots where device_id = $id',
});
