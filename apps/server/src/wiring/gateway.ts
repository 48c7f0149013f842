import type { MessageHandler } from '../broker/broker.js';
import { revokeBy } from '../channels/revoke.js';
import { ScreenChannel } from '../channels/screen-channel.js';
import type { Manifests } from '../creatives/manifest.js';
import { Converger } from '../dispatch/converger.js';
import type { Actor } from '../kit/actor.js';
import { systemClock } from '../kit/clock.js';
import { Acknowledgements } from '../screens/acknowledgements.js';
import { Intake } from '../screens/intake.js';
import { PlayLogs } from '../screens/play-logs.js';
import { Presence } from '../screens/presence.js';
import { Prompter } from '../screens/prompter.js';
import { Sequences } from '../screens/sequences.js';
import type { GatewayBroker } from './broker.js';
import { type Context, POLL_MS, actorErrors } from './context.js';

const DAY_MS = 86_400_000;

/** For processes that send to screens and take nothing from them. */
export async function startBroker({ gateway, ends }: Context, take: MessageHandler = () => Promise.resolve()): Promise<void> {
  ends.add('the broker', () => gateway.broker.stop());
  await gateway.start(take);
}

/**
 * Of the processes with this role one does its work at a time: it takes what screens say, offers, revokes and prompts. The others stand by, so
 * that no message is said twice because there are two of them.
 */
export async function startGateway(context: Context, manifests: Manifests): Promise<void> {
  const { config, log, metrics, ends, gateway, broker, database, fence, keys, notifications } = context;
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
  const prompter = openPrompter(context, onLost);
  // After the intake has written what it took: a status written later would tell of a connection that the next process does not have.
  ends.add('the place of the leading gateway', () => gateway.leave());
  ends.add('the intake', () => intake.stop());
  notifications.on('revokes_due', () => converger.wake());
  notifications.on('offers_due', () => converger.wake());
  notifications.on('control_requested', () => prompter.wake());
  const stop = whileLeading(gateway, [converger, prompter]);
  await startBroker(context, (message) => intake.take(message));
  ends.add('the converger and the prompter', stop);
}

/** Runs the actors while this process leads; answers how to end that. */
function whileLeading(gateway: GatewayBroker, actors: readonly Actor[]): () => Promise<void> {
  let ended = false;
  const stopAll = async (): Promise<void> => void (await Promise.all(actors.map((actor) => actor.stop())));
  gateway.onLead((leads) => {
    if (!leads || ended) return void stopAll();
    for (const actor of actors) actor.start();
  });
  return () => {
    ended = true;
    return stopAll();
  };
}

function openPrompter({ config, log, metrics, broker, database }: Context, onLost: (count: number) => void): Prompter {
  return new Prompter(
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
}

export function screenChannel({ broker }: Context, manifests: Manifests): ScreenChannel {
  return new ScreenChannel(
    (topic, payload, mayStart) => broker.publish(topic, payload, mayStart),
    (id) => manifests.of(id),
  );
}
