import type { MessageHandler, ScreenBroker } from '../broker/broker.js';
import { EmbeddedBroker } from '../broker/embedded-broker.js';
import { OutsideBroker } from '../broker/outside-broker.js';
import { revokeBy } from '../channels/revoke.js';
import { ScreenChannel } from '../channels/screen-channel.js';
import type { Config } from '../config/config.js';
import type { Manifests } from '../creatives/manifest.js';
import { Converger } from '../dispatch/converger.js';
import { readTls } from '../http/server.js';
import { systemClock } from '../kit/clock.js';
import type { Log } from '../kit/log.js';
import { Acknowledgements } from '../screens/acknowledgements.js';
import { Intake } from '../screens/intake.js';
import { PlayLogs } from '../screens/play-logs.js';
import { Presence } from '../screens/presence.js';
import { Prompter } from '../screens/prompter.js';
import { allOffline } from '../screens/screens.store.js';
import { Sequences } from '../screens/sequences.js';
import { type Context, POLL_MS, actorErrors } from './context.js';

const DAY_MS = 86_400_000;

export function openBroker(config: Config, log: Log): ScreenBroker {
  if (config.mqttUrl !== undefined) {
    return new OutsideBroker({ url: config.mqttUrl, connections: config.mqttConnections, clientId: 'marquee-intake', log });
  }
  const tls = readTls(config.tlsCert, config.tlsKey);
  return new EmbeddedBroker({ host: config.host, port: config.mqttPort, wsPort: config.mqttWsPort, tls, log });
}

export async function startBroker({ broker, ends }: Context, take: MessageHandler): Promise<void> {
  await broker.start(take);
  ends.add('the broker', () => broker.stop());
}

export async function startGateway(context: Context, manifests: Manifests): Promise<void> {
  const { config, log, metrics, ends, broker, database, fence, keys, notifications } = context;
  const revoke = revokeBy((topic, payload) => broker.publish(topic, payload));
  const converger = new Converger(database, fence, keys, screenChannel(context, manifests), revoke, systemClock, {
    firstMs: config.offerFirstMs,
    maxMs: config.offerMaxMs,
    pollMs: POLL_MS,
    onError: actorErrors(log),
    onRepeated: (kind, count) => metrics.repeat(kind, count),
  });
  const onLost = (count: number): void => metrics.eventsLost(count);
  const sequences = new Sequences(database, { waitMs: config.replayWaitMs, onLost });
  const presence = new Presence(
    database,
    {
      waitMs: config.presenceWaitMs,
      enroll: config.deviceEnrollment === 'open',
      revoke,
      noteKept: (kept) => sequences.note(kept),
      onContact: () => converger.wake(),
    },
    metrics.presence,
    log,
  );
  const playLogs = new PlayLogs(database, { keepMs: config.playLogKeepDays * DAY_MS, now: () => systemClock.now() }, metrics.playLogs);
  const acknowledgements = new Acknowledgements(
    database,
    playLogs,
    sequences,
    { batch: config.intakeBatch, waitMs: config.intakeWaitMs, registerWaiting: () => presence.written() },
    metrics.acknowledgements,
    log,
  );
  const intake = new Intake(acknowledgements, presence);
  ends.add('the intake', () => intake.stop());
  if (config.mqttUrl === undefined) await database.run(allOffline, {});
  await startBroker(context, (message) => intake.take(message));
  converger.start();
  notifications.on('revokes_due', () => converger.wake());
  notifications.on('offers_due', () => converger.wake());
  ends.add('the converger', () => converger.stop());
  startPrompter(context, onLost);
}

function startPrompter({ config, log, metrics, ends, broker, database, notifications }: Context, onLost: (count: number) => void): void {
  const prompter = new Prompter(
    database,
    (topic, payload) => broker.publish(topic, payload),
    {
      waitMs: config.replayWaitMs,
      replaysPerSecond: config.replaysPerSecond,
      pollMs: POLL_MS,
      onError: actorErrors(log),
      onReplay: (count) => metrics.repeat('replay', count),
      onLost,
    },
    log,
  );
  prompter.start();
  notifications.on('control_requested', () => prompter.wake());
  ends.add('the prompter', () => prompter.stop());
}

export function screenChannel({ broker }: Context, manifests: Manifests): ScreenChannel {
  return new ScreenChannel(
    (topic, payload) => broker.publish(topic, payload),
    (id) => manifests.of(id),
  );
}
