import type { StoredAsset } from '@marquee/contracts';
import { type UseFormReturnType, useForm } from '@mantine/form';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { api } from '../../api/client.js';
import { ApiProblem, reasonsOf } from '../../api/problem.js';
import { keys } from '../../api/queries.js';
import { asKind, assetTypeOf, type Draft, emptyDraft } from './draft.js';
import { type FieldErrors, placeMessages } from './field-errors.js';
import { newUuid } from './new-uuid.js';
import { toBody } from './to-body.js';
import { type Uploads, useUploads } from './use-uploads.js';

export type CreateForm = UseFormReturnType<Draft>;

interface Create {
  form: CreateForm;
  uploads: Uploads;
  submit: (event: FormEvent) => void;
  sending: boolean;
  /** Why the last attempt did not create it. */
  failure: { title: string; reasons: string[] } | undefined;
  /** The server has a campaign of this form already, with other content. */
  keyUsed: boolean;
  /** Gives the form a new key and sends it. */
  asNew: () => void;
}

/**
 * The create form's life. One idempotency key a form: a double click, or another try after the answer was lost, ends in one campaign.
 */
export function useCreate(): Create {
  const [initialValues] = useState(() => emptyDraft(Date.now()));
  const form = useForm<Draft>({ mode: 'controlled', initialValues });
  const uploads = useUploads((slideKey, asset) => form.setValues((old) => withStored(old, slideKey, asset)));
  const { rest, refuse, clear } = useRefusal(form);
  const [firstKey] = useState(newUuid);
  const key = useRef(firstKey);
  const underWay = useRef(false);
  const navigate = useNavigate();
  const cache = useQueryClient();

  const creation = useMutation({
    mutationFn: api.create,
    onSuccess: (campaign) => {
      void cache.invalidateQueries({ queryKey: keys.campaignLists });
      return navigate({ to: '/console/campaigns/$id', params: { id: campaign.id }, state: { warnings: campaign.warnings } });
    },
    onError: (error) => {
      const invalid = error instanceof ApiProblem && (error.status === 400 || error.status === 422);
      refuse(invalid ? placeMessages(error.reasons, form.getValues().audience) : { fields: {}, rest: reasonsOf(error) });
    },
    onSettled: () => {
      underWay.current = false;
    },
  });

  const send = () => {
    // Two clicks can come before the button is drawn as busy.
    if (underWay.current || uploads.busy) return;
    const result = toBody(form.getValues(), key.current);
    if ('errors' in result) return refuse(result.errors);
    underWay.current = true;
    clear();
    creation.mutate(result.body);
  };

  const keyUsed = creation.error instanceof ApiProblem && creation.error.code === 'IDEMPOTENCY_CONFLICT';
  return {
    form,
    uploads,
    submit: (event) => {
      event.preventDefault();
      send();
    },
    sending: creation.isPending,
    failure: failureOf(creation.error, rest, Object.keys(form.errors).length, keyUsed),
    keyUsed,
    asNew: () => {
      key.current = newUuid();
      send();
    },
  };
}

/** Shows why an attempt was refused, and leads there. */
function useRefusal(form: CreateForm) {
  const [rest, setRest] = useState<string[]>([]);
  const [attempts, setAttempts] = useState(0);
  useEffect(() => {
    if (attempts > 0) focusFirstError();
  }, [attempts]);
  return {
    rest,
    refuse: (errors: FieldErrors) => {
      form.setErrors(errors.fields);
      setRest(errors.rest);
      setAttempts((count) => count + 1);
    },
    clear: () => {
      form.clearErrors();
      setRest([]);
    },
  };
}

function withStored(old: Partial<Draft>, slideKey: string, asset: StoredAsset): Partial<Draft> {
  const url = new URL(asset.url, window.location.href).href;
  const kind = assetTypeOf(asset.type);
  const slides = (old.slides ?? []).map((slide) => (slide.key === slideKey ? asKind({ ...slide, url }, kind ?? slide.assetType) : slide));
  return { ...old, slides };
}

function failureOf(error: Error | null, rest: string[], fields: number, keyUsed: boolean): Create['failure'] {
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
  return fields > 0 ? { title: 'Some fields need a look', reasons: ['They are marked above.'] } : undefined;
}

function focusFirstError(): void {
  const field = document.querySelector<HTMLElement>('form [aria-invalid="true"]:not([type="hidden"])');
  const place = field ?? document.getElementById('create-failure');
  place?.focus({ preventScroll: true });
  place?.scrollIntoView({ block: 'center', behavior: 'smooth' });
}
