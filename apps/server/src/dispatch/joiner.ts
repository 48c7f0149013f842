import { screenAudience } from '@marquee/contracts';
import { joinableExecutions, joiningScreens, joinScreens, markJoined } from '../audience/audience.store.js';
import { Actor, type OnActorError } from '../kit/actor.js';
import type { Database } from '../store/database.js';
import { audienceArguments } from '../store/screen-audience.js';

export interface JoinerOptions {
  pollMs: number;
  onError: OnActorError;
}

const SCREENS_A_TURN = 2000;

/** Gives screens that came later, or moved to another group or tag, the running campaigns that mean them. */
export class Joiner extends Actor {
  constructor(
    private readonly database: Database,
    private readonly options: JoinerOptions,
  ) {
    super('joiner', options.onError);
  }

  /**
   * The screens stay locked until they are marked: an execution that starts later sees them by its own targeting, one that
   * started before is seen here, so none falls between.
   */
  protected override async turn(): Promise<number> {
    const joined = await this.database.transaction(async (transaction) => {
      const screens = (await transaction.run(joiningScreens, { most: SCREENS_A_TURN })).map((row) => row.device_id);
      if (screens.length === 0) return 0;
      for (const execution of await transaction.run(joinableExecutions, {})) {
        const audience = audienceArguments(screenAudience.parse(execution.audience));
        await transaction.run(joinScreens, { execution: execution.id, screens, ...audience });
      }
      await transaction.run(markJoined, { screens });
      return screens.length;
    });
    return joined > 0 ? 0 : this.options.pollMs;
  }
}
