import type { ClickCounters } from '@marquee/contracts';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { BusMetrics } from './bus/bus.js';
import type { NotifierMetrics } from './alerts/notifier.js';
import type { ConsumerMetrics } from './dispatch/consumer.js';
import type { AcknowledgementsMetrics } from './screens/acknowledgements.js';
import type { PlayLogsMetrics } from './screens/play-logs.js';
import type { PresenceMetrics } from './screens/presence.js';

/** What the process counts of itself, in the words of the glossary; served at `/metrics`. */
export class Metrics {
  private readonly registry = new Registry();
  private readonly registers = [this.registry];
  private readonly statementSeconds = new Histogram({
    name: 'marquee_statement_seconds',
    help: 'How long each named SQL statement took',
    labelNames: ['statement', 'result'],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2],
    registers: this.registers,
  });
  private readonly deliveries = new Counter({
    name: 'marquee_sends_total',
    help: 'Sends that ended, by channel and outcome',
    labelNames: ['channel', 'outcome'],
    registers: this.registers,
  });
  private readonly stale = new Counter({
    name: 'marquee_rejected_stale_total',
    help: 'Deliveries of a message that the fence did not let begin',
    registers: this.registers,
  });
  private readonly repeated = new Counter({
    name: 'marquee_repeated_total',
    help: 'Offers, revokes and replays published by convergence',
    labelNames: ['kind'],
    registers: this.registers,
  });
  private readonly events = new Counter({
    name: 'marquee_screen_events_total',
    help: 'Events of screens, by type and what became of them',
    labelNames: ['type', 'result'],
    registers: this.registers,
  });
  private readonly plays = new Counter({
    name: 'marquee_plays_total',
    help: 'Plays that screens logged, by what became of them',
    labelNames: ['result'],
    registers: this.registers,
  });
  private readonly lostEvents = new Counter({
    name: 'marquee_events_lost_total',
    help: 'Events that a screen numbered and that are lost for good',
    registers: this.registers,
  });
  private readonly statuses = new Counter({
    name: 'marquee_screen_statuses_total',
    help: 'Status messages of screens',
    labelNames: ['result'],
    registers: this.registers,
  });
  private readonly noticesTotal = new Counter({
    name: 'marquee_notices_total',
    help: 'Attempts to send a notice, by way and result',
    labelNames: ['way', 'result'],
    registers: this.registers,
  });
  private readonly busMessages = new Counter({
    name: 'marquee_bus_messages_total',
    help: 'Messages of an outside bus, by what became of them here',
    labelNames: ['result'],
    registers: this.registers,
  });
  private readonly loopDelay = monitorEventLoopDelay({ resolution: 10 });

  readonly consumer: ConsumerMetrics = {
    stale: (count) => this.stale.inc(count),
    sent: (channel, outcome, count) => this.deliveries.inc({ channel, outcome }, count),
  };
  readonly bus: BusMetrics = { message: (result) => this.busMessages.inc({ result }) };
  readonly acknowledgements: AcknowledgementsMetrics = { event: (type, result) => this.events.inc({ type, result }) };
  readonly notices: NotifierMetrics = { notice: (way, result) => this.noticesTotal.inc({ way, result }) };
  readonly playLogs: PlayLogsMetrics = { plays: (result, count) => this.plays.inc({ result }, count) };
  readonly presence: PresenceMetrics = { status: (result) => this.statuses.inc({ result }) };

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    this.loopDelay.enable();
    const { loopDelay } = this;
    new Gauge({
      name: 'marquee_event_loop_delay_max_seconds',
      help: 'Longest that the event loop was held up since the start',
      registers: this.registers,
      collect() {
        this.set(loopDelay.max / 1e9);
      },
    });
  }

  statement(name: string, seconds: number, failed: boolean): void {
    this.statementSeconds.observe({ statement: name, result: failed ? 'failed' : 'done' }, seconds);
  }

  repeat(kind: 'offer' | 'revoke' | 'replay', count: number): void {
    this.repeated.inc({ kind }, count);
  }

  eventsLost(count: number): void {
    this.lostEvents.inc(count);
  }

  /** Adds what the layers of the click publisher count. */
  clicks(counters: ClickCounters): void {
    new Counter({
      name: 'marquee_clicks_total',
      help: 'Clicks, by what a layer did with them',
      labelNames: ['layer'],
      registers: this.registers,
      collect() {
        this.reset();
        for (const [layer, count] of Object.entries(counters)) this.inc({ layer }, count);
      },
    });
  }

  /** Adds a value that is read when it is asked for. */
  gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: this.registers,
      collect() {
        this.set(read());
      },
    });
  }

  /** Adds values that are read together when they are asked for; NaN when the read fails. */
  gauges<Values>(read: () => Promise<Values>, told: { name: string; help: string; value: (values: Values) => number }[]): void {
    let reading: Promise<Values> | undefined;
    const shared = (): Promise<Values> => (reading ??= read().finally(() => (reading = undefined)));
    for (const { name, help, value } of told) {
      new Gauge({
        name,
        help,
        registers: this.registers,
        async collect() {
          await shared().then(
            (values) => this.set(value(values)),
            () => this.set(Number.NaN),
          );
        },
      });
    }
  }

  /** Prometheus text and its content type. */
  async text(): Promise<{ type: string; text: string }> {
    return { type: this.registry.contentType, text: await this.registry.metrics() };
  }

  stop(): void {
    this.loopDelay.disable();
  }
}
