import type { StoredAsset } from '@marquee/contracts';
import { type UseFormReturnType, useForm } from '@mantine/form';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { ApiProblem, reasonsOf } from '../../api/problem.js';
import { asKind, assetTypeOf, type Draft } from './draft.js';
import { type FieldErrors, placeMessages } from './field-errors.js';
import { type Uploads, useUploads } from './use-uploads.js';

export type CampaignForm = UseFormReturnType<Draft>;

/** The body that a draft makes, or why it makes none, by form field. */
export type Reading<Body> = { body: Body } | { errors: FieldErrors };

interface Options<Body, Answer> {
  /** What the form begins with; read once. */
  initial: () => Draft;
  read: (draft: Draft) => Reading<Body>;
  send: (body: Body) => Promise<Answer>;
  onDone: (answer: Answer) => unknown;
}

export interface Filled {
  form: CampaignForm;
  uploads: Uploads;
  submit: (event: FormEvent) => void;
  send: () => void;
  sending: boolean;
  /** Why the last attempt did not end well; `rest` are the reasons that belong to no field. */
  error: Error | null;
  rest: string[];
  /** How many fields are marked. */
  marked: number;
}

/** A campaign's form from what it begins with to the answer of the server; refusals are led to their fields. */
export function useCampaignForm<Body, Answer>({ initial, read, send, onDone }: Options<Body, Answer>): Filled {
  const [initialValues] = useState(initial);
  const form = useForm<Draft>({ mode: 'controlled', initialValues });
  const uploads = useUploads((slideKey, asset) => form.setValues((old) => withStored(old, slideKey, asset)));
  const { rest, refuse, clear } = useRefusal(form);
  const underWay = useRef(false);

  const sending = useMutation({
    mutationFn: send,
    onSuccess: onDone,
    onError: (error) => {
      const invalid = error instanceof ApiProblem && (error.status === 400 || error.status === 422);
      refuse(invalid ? placeMessages(error.reasons, form.getValues().audience) : { fields: {}, rest: reasonsOf(error) });
    },
    onSettled: () => {
      underWay.current = false;
    },
  });

  const attempt = () => {
    // Two clicks can come before the button is drawn as busy.
    if (underWay.current || uploads.busy) return;
    const result = read(form.getValues());
    if ('errors' in result) return refuse(result.errors);
    underWay.current = true;
    clear();
    sending.mutate(result.body);
  };

  return {
    form,
    uploads,
    submit: (event) => {
      event.preventDefault();
      attempt();
    },
    send: attempt,
    sending: sending.isPending,
    error: sending.error,
    rest,
    marked: Object.keys(form.errors).length,
  };
}

/** Shows why an attempt was refused, and leads there. */
export function useRefusal(form: Pick<CampaignForm, 'setErrors' | 'clearErrors'>) {
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

/** Where a form says why it was not taken, unless a field does. */
export const FAILURE_ID = 'form-failure';

function focusFirstError(): void {
  const field = document.querySelector<HTMLElement>('form [aria-invalid="true"]:not([type="hidden"])');
  const place = field ?? document.getElementById(FAILURE_ID);
  place?.focus({ preventScroll: true });
  place?.scrollIntoView({ block: 'center', behavior: 'smooth' });
}
