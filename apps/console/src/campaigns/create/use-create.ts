import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useRef, useState } from 'react';
import { api } from '../../api/client.js';
import { ApiProblem } from '../../api/problem.js';
import { keys } from '../../api/queries.js';
import { emptyDraft } from './draft.js';
import type { Failure } from './form-failure.js';
import { newUuid } from './new-uuid.js';
import { toBody } from './to-body.js';
import { type Filled, useCampaignForm } from './use-campaign-form.js';

interface Create extends Filled {
  /** Why the last attempt did not create it. */
  failure: Failure | undefined;
  /** The server has a campaign of this form already, with other content. */
  keyUsed: boolean;
  /** Gives the form a new key and sends it. */
  asNew: () => void;
}

/**
 * The create form's life. One idempotency key a form: a double click, or another try after the answer was lost, ends in one campaign.
 */
export function useCreate(): Create {
  const [firstKey] = useState(newUuid);
  const key = useRef(firstKey);
  const navigate = useNavigate();
  const cache = useQueryClient();
  const filled = useCampaignForm({
    initial: () => emptyDraft(Date.now()),
    read: (draft) => toBody(draft, key.current),
    send: api.create,
    onDone: (campaign) => {
      void cache.invalidateQueries({ queryKey: keys.campaignLists });
      return navigate({ to: '/console/campaigns/$id', params: { id: campaign.id }, state: { warnings: campaign.warnings } });
    },
  });
  const keyUsed = isKeyUsed(filled.error);
  return {
    ...filled,
    failure: failureOf(filled, keyUsed),
    keyUsed,
    asNew: () => {
      key.current = newUuid();
      filled.send();
    },
  };
}

export function isKeyUsed(error: unknown): boolean {
  return error instanceof ApiProblem && error.code === 'IDEMPOTENCY_CONFLICT';
}

export function failureOf({ error, rest, marked }: Pick<Filled, 'error' | 'rest' | 'marked'>, keyUsed: boolean): Failure | undefined {
  if (keyUsed) {
    const reasons = [
      'This form was already sent once, and a campaign was made of it; since then the form was changed. Look at the list, or create another.',
    ];
    return { title: 'This campaign exists already', reasons };
  }
  if (rest.length > 0) {
    const lost = error instanceof ApiProblem && error.status === 0;
    const again = lost ? ['Try again: should it have arrived all the same, no second one is made.'] : [];
    return { title: 'The campaign was not created', reasons: [...rest, ...again] };
  }
  return marked > 0 ? { title: 'Some fields need a look', reasons: ['They are marked above.'] } : undefined;
}
