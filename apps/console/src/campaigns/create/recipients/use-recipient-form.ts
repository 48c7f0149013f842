import { type UseFormReturnType, useForm } from '@mantine/form';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, useRef, useState } from 'react';
import { api } from '../../../api/client.js';
import { ApiProblem, reasonsOf } from '../../../api/problem.js';
import { keys } from '../../../api/queries.js';
import { reasonsIn } from '../field-errors.js';
import type { Failure } from '../form-failure.js';
import { newUuid } from '../new-uuid.js';
import { useRefusal } from '../use-campaign-form.js';
import { failureOf, isKeyUsed } from '../use-create.js';
import { placeRecipientErrors, toRecipientBody } from './recipient-body.js';
import { emptyRecipientDraft, type RecipientChannel, type RecipientDraft } from './recipient-draft.js';

export type RecipientForm = UseFormReturnType<RecipientDraft>;

interface Filled {
  form: RecipientForm;
  submit: (event: FormEvent) => void;
  sending: boolean;
  failure: Failure | undefined;
  keyUsed: boolean;
  asNew: () => void;
}

/** The form of a campaign for recipients, from empty to the answer of the server. One idempotency key a form, as for screens. */
export function useRecipientForm(channel: RecipientChannel): Filled {
  const form = useForm<RecipientDraft>({ mode: 'controlled', initialValues: emptyRecipientDraft(channel) });
  const [firstKey] = useState(newUuid);
  const key = useRef(firstKey);
  const underWay = useRef(false);
  const { rest, refuse, clear } = useRefusal(form);
  const navigate = useNavigate();
  const cache = useQueryClient();
  const sending = useMutation({
    mutationFn: api.create,
    onSuccess: (campaign) => {
      void cache.invalidateQueries({ queryKey: keys.campaignLists });
      return navigate({ to: '/console/campaigns/$id', params: { id: campaign.id }, state: { warnings: campaign.warnings } });
    },
    onError: (error) => {
      const invalid = error instanceof ApiProblem && (error.status === 400 || error.status === 422);
      const reasons = reasonsIn(reasonsOf(error));
      refuse(invalid ? placeRecipientErrors(reasons, form.getValues().audience) : { fields: {}, rest: reasonsOf(error) });
    },
    onSettled: () => {
      underWay.current = false;
    },
  });
  const attempt = () => {
    // Two clicks can come before the button is drawn as busy.
    if (underWay.current) return;
    const result = toRecipientBody(form.getValues(), channel, key.current);
    if ('errors' in result) return refuse(result.errors);
    underWay.current = true;
    clear();
    sending.mutate(result.body);
  };
  const keyUsed = isKeyUsed(sending.error);
  return {
    form,
    submit: (event) => {
      event.preventDefault();
      attempt();
    },
    sending: sending.isPending,
    failure: failureOf({ error: sending.error, rest, marked: Object.keys(form.errors).length }, keyUsed),
    keyUsed,
    asNew: () => {
      key.current = newUuid();
      attempt();
    },
  };
}
