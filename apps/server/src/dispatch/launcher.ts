import { contactAudience, countedAudience, screenAudience } from '@marquee/contracts';
import { targetContacts, targetCounted, targetScreens } from '../audience/audience.store.js';
import { launchCampaigns, untargetedExecutions } from '../executions/executions.store.js';
import type { Clock } from '../kit/clock.js';
import { newId } from '../kit/ids.js';
import { Actor, type OnActorError } from '../kit/actor.js';
import type { Database } from '../store/database.js';
import type { Outbox } from '../store/outbox.js';
import { contactAudienceArguments } from '../store/contact-audience.js';
import { audienceArguments } from '../store/screen-audience.js';

export interface LauncherOptions {
  /** The net below the wake-ups, ms. */
  pollMs: number;
  onError: OnActorError;
}

const FACTS_A_TURN = 500;
/** Small first, so that the first manifests leave at once while the rest of a large audience is still being read. */
const SCREENS_A_STEP = 4000;
/** About a tenth of a second: what a cancel waits for at the most. */
const RECIPIENTS_A_STEP = 10_000;
const EXECUTIONS_A_TURN = 50;

/** Runs campaigns whose template is ready: an execution for each, then the deliveries of its audience, step by step. */
export class Launcher extends Actor {
  constructor(
    private readonly database: Database,
    private readonly outbox: Outbox,
    private readonly clock: Clock,
    private readonly options: LauncherOptions,
  ) {
    super('launcher', options.onError);
  }

  protected override async turn(): Promise<number> {
    const launched = await this.launchReady();
    const stepped = await this.target();
    return launched || stepped ? 0 : await this.outbox.nextIn(this.database, 'template_ready', this.options.pollMs);
  }

  private async launchReady(): Promise<boolean> {
    return await this.database.transaction(async (transaction) => {
      const facts = await this.outbox.take(transaction, 'template_ready', FACTS_A_TURN);
      if (facts.length === 0) return false;
      await transaction.run(launchCampaigns, {
        campaigns: facts.map((fact) => fact.aggregateId),
        ids: facts.map(() => newId()),
        scheduledFor: this.clock.now(),
        onlyAuto: true,
      });
      await this.outbox.finish(transaction, facts);
      return true;
    });
  }

  private async target(): Promise<boolean> {
    const executions = await this.database.run(untargetedExecutions, { most: EXECUTIONS_A_TURN });
    let stepped = false;
    for (const execution of executions) {
      const step = await this.step(execution);
      stepped ||= step;
    }
    return stepped;
  }

  /** True when it came further. */
  private async step({ id, channel, audience }: { id: string; channel: string; audience: unknown }): Promise<boolean> {
    if (channel === 'screen') {
      const meant = audienceArguments(screenAudience.parse(audience));
      return (await this.database.run(targetScreens, { execution: id, most: SCREENS_A_STEP, ...meant })).length > 0;
    }
    const counted = countedAudience.safeParse(audience);
    if (counted.success) {
      const { count } = counted.data;
      return (await this.database.run(targetCounted, { execution: id, count, most: RECIPIENTS_A_STEP })).length > 0;
    }
    const meant = contactAudienceArguments(contactAudience.parse(audience));
    return (await this.database.run(targetContacts, { execution: id, most: RECIPIENTS_A_STEP, ...meant })).length > 0;
  }
}
