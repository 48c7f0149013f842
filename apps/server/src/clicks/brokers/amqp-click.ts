import type { ConsumeMessage, MessageProperties } from 'amqplib';
import type { ClickMessage } from '../click.js';
import type { Corpse } from '../dead-letters/dead-letters.js';
import type { Outgoing } from '../../kit/rabbitmq/confirm-lane.js';
import type { Arrived } from './rabbitmq-consumer.js';
import { CLICK_TTL, CLICKS, DEAD } from './rabbitmq-topology.js';

/** Why a message is dead, in its headers. */
export const REASON_HEADER = 'x-reason';
const ACCEPTANCE = /^([1-9]\d{0,9})-(\d{1,15})$/;
const MOST_PROCESS = 2_147_483_647;
const MOST_REASON = 500;

export function outgoing({ messageId, process, seq, body }: ClickMessage): Outgoing {
  return {
    exchange: CLICKS.exchange,
    key: CLICKS.key,
    content: Buffer.from(body),
    options: {
      persistent: true,
      mandatory: true,
      contentType: 'application/json',
      messageId,
      correlationId: `${process}-${seq}`,
      expiration: CLICK_TTL,
    },
  };
}

/** The same message as it came, with the reason; without its time to live, which is the queue's there. */
export function outgoingDead({ content, fields, properties }: ConsumeMessage, reason: string): Outgoing {
  const { contentType, contentEncoding, messageId, correlationId, timestamp }: Record<keyof MessageProperties, unknown> = properties;
  return {
    exchange: DEAD.exchange,
    key: fields.routingKey,
    content,
    options: {
      persistent: true,
      mandatory: true,
      headers: { [REASON_HEADER]: reason.slice(0, MOST_REASON) },
      ...(typeof contentType === 'string' ? { contentType } : {}),
      ...(typeof contentEncoding === 'string' ? { contentEncoding } : {}),
      ...(typeof messageId === 'string' ? { messageId } : {}),
      ...(typeof correlationId === 'string' ? { correlationId } : {}),
      ...(typeof timestamp === 'number' ? { timestamp } : {}),
    },
  };
}

/** Whatever came, as a click: of what others publish the acceptance is 0-0 and the id '' where they do not say them. */
export function arrivedOf(message: ConsumeMessage): Arrived {
  const { correlationId, messageId, headers }: Record<keyof MessageProperties, unknown> = message.properties;
  const count = headerOf(headers, 'x-delivery-count');
  return {
    messageId: typeof messageId === 'string' ? messageId : '',
    body: message.content.toString(),
    ...acceptanceOf(correlationId),
    tries: typeof count === 'number' && count > 0 ? count + 1 : 1,
    message,
  };
}

/** A message of the dead letter queue, with the reason that its consumer or the broker gave. */
export function corpseOf({ messageId, body, process, seq, message }: Arrived): Corpse {
  const headers: unknown = message.properties.headers;
  const said = headerOf(headers, REASON_HEADER);
  return { messageId, body, process, seq, reason: typeof said === 'string' && said !== '' ? said : reasonOfBroker(headers) };
}

const REASONS: Record<string, string> = {
  delivery_limit: 'delivered too often without an answer',
  expired: 'waited longer than a day to be counted',
  maxlen: 'the queue was full',
  rejected: 'rejected by a consumer',
};

function reasonOfBroker(headers: unknown): string {
  const deaths = headerOf(headers, 'x-death');
  const latest: unknown = Array.isArray(deaths) ? deaths[0] : undefined;
  const reason = headerOf(latest, 'reason');
  return typeof reason === 'string' ? (REASONS[reason] ?? reason) : 'without a reason';
}

function headerOf(headers: unknown, name: string): unknown {
  return typeof headers === 'object' && headers !== null ? (headers as Record<string, unknown>)[name] : undefined;
}

function acceptanceOf(correlationId: unknown): { process: number; seq: number } {
  const [, process, seq] = (typeof correlationId === 'string' ? ACCEPTANCE.exec(correlationId) : null) ?? [];
  return Number(process) <= MOST_PROCESS ? { process: Number(process), seq: Number(seq) } : { process: 0, seq: 0 };
}
