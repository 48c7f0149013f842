import type { CampaignDetail } from '@marquee/contracts';
import { notifications } from '@mantine/notifications';
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { api } from '../../api/client.js';
import { ApiProblem } from '../../api/problem.js';
import { keys } from '../../api/queries.js';
import { draftOf } from '../create/draft.js';
import type { Failure } from '../create/form-failure.js';
import { toEdit } from '../create/to-body.js';
import { type Filled, useCampaignForm } from '../create/use-campaign-form.js';

interface Edit extends Filled {
  /** Why the last attempt did not change it. */
  failure: Failure | undefined;
  /** Somebody else changed the campaign since it was loaded. */
  overtaken: boolean;
}

/** The edit form's life: it is about the version that was loaded, and saves nothing over a newer one. */
export function useEdit(campaign: CampaignDetail): Edit {
  const navigate = useNavigate();
  const cache = useQueryClient();
  const filled = useCampaignForm({
    initial: () => draftOf(campaign),
    read: (draft) => toEdit(draft, campaign),
    send: (body) => api.edit(campaign.id, campaign.version, body),
    onDone: ({ id, version }) => {
      void cache.invalidateQueries({ queryKey: keys.campaignLists });
      void cache.invalidateQueries({ queryKey: keys.campaign(id) });
      const same = version === campaign.version;
      notifications.show(
        same
          ? { title: 'Nothing was changed', message: `It stays at version ${version}.` }
          : { title: `Saved as version ${version}`, message: 'Screens keep the version before until this one is built.' },
      );
      return navigate({ to: '/console/campaigns/$id', params: { id } });
    },
  });
  const overtaken = filled.error instanceof ApiProblem && filled.error.code === 'PRECONDITION_FAILED';
  return { ...filled, failure: failureOf(filled, overtaken), overtaken };
}

function failureOf({ error, rest, marked }: Filled, overtaken: boolean): Failure | undefined {
  if (overtaken) {
    const reasons = ['Nothing of yours was saved. Load it as it is now, and make your changes again.'];
    return { title: 'This campaign was changed by someone meanwhile', reasons };
  }
  if (rest.length > 0) {
    const lost = error instanceof ApiProblem && error.status === 0;
    const again = lost ? ['Try again: should it have arrived all the same, you are told that the campaign was changed meanwhile.'] : [];
    return { title: 'The campaign was not changed', reasons: [...rest, ...again] };
  }
  return marked > 0 ? { title: 'Some fields need a look', reasons: ['They are marked above.'] } : undefined;
}
