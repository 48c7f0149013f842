import { Lookout } from '../alerts/lookout.js';
import { Mailer } from '../alerts/mailer.js';
import { Notifier } from '../alerts/notifier.js';
import type { Config } from '../config/config.js';
import { isLoopback } from '../config/types.js';
import { AddressPolicy, parseFetchAllow, systemResolve } from '../kit/address-policy.js';
import { systemClock } from '../kit/clock.js';
import { StartError } from '../kit/errors.js';
import { SignedPoster } from '../kit/signed-poster.js';
import { type Context, POLL_MS, actorErrors } from './context.js';

const SEND_MS = 10_000;
/** A mail takes some round trips, with a mail server that looks at it meanwhile. */
const MAIL_MS = 30_000;
/** Beyond either. */
const NOTICE_LEASE_MS = 90_000;

/** Where users' webhooks may lead: WEBHOOK_ALLOW and, while only this machine can name them, itself. */
export function webhookPolicy(config: Config): AddressPolicy {
  const own = config.auth === 'off' && isLoopback(config.host) ? ['127.0.0.0/8', '::1'] : [];
  const allow = parseFetchAllow([...config.webhookAllow, ...own].join(','));
  if (!allow.ok) throw new StartError(`WEBHOOK_ALLOW ${allow.error}.`);
  return new AddressPolicy(allow.allow, systemResolve, { neverLinkLocal: true });
}

/** Opens and closes outages and sends the notices about them; any number of processes may. */
export function startAlerts(context: Context): void {
  const { config, log, metrics, ends, database, notifications, apiBaseUrl } = context;
  const onError = actorErrors(log);
  const poster = new SignedPoster(webhookPolicy(config), systemClock, { timeoutMs: SEND_MS, allowSetting: 'WEBHOOK_ALLOW' });
  const mailer = config.smtpUrl === undefined ? undefined : new Mailer(config.smtpUrl, config.alertFrom, MAIL_MS);
  const lookout = new Lookout(database, { pollMs: POLL_MS, onError }, log);
  const alertsUrl = `${apiBaseUrl}/console/alerts`;
  const options = { pollMs: POLL_MS, onError, alertsUrl, leaseMs: NOTICE_LEASE_MS };
  const notifier = new Notifier(database, poster, mailer, options, metrics.notices, log);
  metrics.gauge('marquee_open_outages', 'Outages that are open, over all alert rules', () => lookout.open);
  notifications.on('alerts_changed', () => {
    lookout.wake();
    notifier.wake();
  });
  lookout.start();
  notifier.start();
  ends.add('the notifier', async () => {
    const stopped = notifier.stop();
    // What is under way ends at once, and is sent again by whoever comes next.
    mailer?.close();
    await poster.close();
    await stopped;
  });
  ends.add('the lookout', () => lookout.stop());
}
