import { optional, setting } from './setting.js';
import { choice, milliseconds, pauses, secret, shortText, trustedProxies, url, whole } from './types.js';

export const clicks = {
  amqpUrl: optional(
    'AMQP_URL',
    url('amqp', 'amqps'),
    'RabbitMQ between those who accept clicks and those who count them. Not set: a table of the database.',
  ),
  redisUrl: optional(
    'REDIS_URL',
    url('redis', 'rediss'),
    'Redis, where clicks wait while the broker cannot take them. Not set: a table of the database.',
  ),
  jwtSecret: optional(
    'JWT_SECRET',
    secret,
    'Secret of the HS256 tokens that report clicks; of less than 32 characters it can be guessed. Not set: made once into DATA_DIR, for all processes on it.',
  ),
  jwksUrl: optional(
    'JWKS_URL',
    url('http', 'https'),
    'Where the public keys of RS256, ES256 and EdDSA tokens are. With it HS256 tokens are taken only where JWT_SECRET is set too.',
  ),
  jwtIssuer: optional('JWT_ISSUER', shortText, 'What the claim iss of every token must be. Not set: it is not looked at.'),
  jwtAudience: optional('JWT_AUDIENCE', shortText, 'What the claim aud of every token must name. Not set: it is not looked at.'),
  trustProxy: setting(
    'TRUST_PROXY',
    trustedProxies,
    'off',
    'Whose X-Forwarded-For tells the address of a client: nobody’s, that of so many proxies before us, or of those at these addresses.',
  ),
  clickAck: setting(
    'CLICK_ACK',
    choice('accepted', 'durable'),
    'accepted',
    'When a click is answered: at once, or when the broker or the fallback has it and it cannot be lost any more.',
  ),
  clickMemory: setting(
    'CLICK_MEMORY',
    whole(1, 1_000_000, 'a number of clicks'),
    '2000',
    'Most clicks in memory that are neither published nor stored: what a kill -9 can lose with CLICK_ACK=accepted. Beyond it clicks are answered 503.',
  ),
  clickDurableMs: setting(
    'CLICK_DURABLE_MS',
    milliseconds(1, 600_000),
    '2000',
    'With CLICK_ACK=durable, how long the answer to a click waits before it is 503.',
  ),
  clickChannels: setting('CLICK_CHANNELS', whole(1, 16), '4', 'Channels of this process that publish to RabbitMQ.'),
  clickConfirmMs: setting(
    'CLICK_CONFIRM_MS',
    milliseconds(1, 600_000),
    '2000',
    'How long a publish may go unconfirmed until it has failed: CLICK_BREAKER_FAILURES such in a row open the circuit.',
  ),
  clickRetryMs: setting(
    'CLICK_RETRY_MS',
    pauses,
    '100,500,2000',
    'Pauses before the repetitions of a publish that failed, each with jitter.',
  ),
  clickBreakerFailures: setting(
    'CLICK_BREAKER_FAILURES',
    whole(1, 1000),
    '5',
    'Failures in a row at which the circuit before the broker opens. A lost connection opens it at once.',
  ),
  clickBreakerOpenMs: setting('CLICK_BREAKER_OPEN_MS', milliseconds(1), '60000', 'How long an open circuit waits before it tries again.'),
  clickBreakerSuccesses: setting(
    'CLICK_BREAKER_SUCCESSES',
    whole(1, 1000),
    '2',
    'Successes in a row that close a circuit that tries again.',
  ),
  clickDedupeDays: setting(
    'CLICK_DEDUPE_DAYS',
    whole(1, 365, 'a number of days'),
    '7',
    'How long a click is known by its messageId: the same one again within it is counted once.',
  ),
  clickReplayRate: setting(
    'CLICK_REPLAY_RATE',
    whole(1, 1_000_000, 'a number of clicks'),
    '2000',
    'Most clicks a second that are published out of the fallback.',
  ),
  clickKeepDays: setting(
    'CLICK_KEEP_DAYS',
    whole(1, 3650, 'a number of days'),
    '90',
    'How long single clicks are kept; the counts of each minute are kept for good.',
  ),
  clickIp: setting(
    'CLICK_IP',
    choice('full', 'short', 'hash'),
    'short',
    'How the address of a client is kept: whole, as its network (/24, of IPv6 /48), or as a keyed hash.',
  ),
  clickDuplicateMs: setting(
    'CLICK_DUPLICATE_MS',
    milliseconds(0),
    '10000',
    'A click by the same user, or a scan from the same address with the same agent, on the same ad within this time is labelled a duplicate.',
  ),
  clickBotPerMinute: setting(
    'CLICK_BOT_PER_MINUTE',
    whole(1, 1_000_000, 'a number of clicks'),
    '60',
    'Clicks of one user, or scans from one address with one agent, in a minute beyond which they are labelled a bot’s.',
  ),
};
