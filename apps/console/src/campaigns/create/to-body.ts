import { type CreateCampaignInput, createCampaign } from '@marquee/contracts';
import { audienceOf } from './audience.js';
import { type Draft, fromLocalInput, type SlideDraft } from './draft.js';
import { type FieldErrors, placeErrors } from './field-errors.js';

/** The body that a draft makes, or why it makes none, by form field. */
export type BodyResult = { body: CreateCampaignInput } | { errors: FieldErrors };

/** Reads the form by the contract's own schema, so that what passes here passes the server's validation too. */
export function toBody(draft: Draft, idempotencyKey: string): BodyResult {
  const audience = audienceOf(draft);
  const own: Record<string, string> = { ...missingTimes(draft), ...missingFiles(draft), ...missingDays(draft) };
  if ('errors' in audience) Object.assign(own, audience.errors);
  const body = {
    name: draft.name,
    startAt: fromLocalInput(draft.startAt),
    expireAt: fromLocalInput(draft.expireAt),
    assets: draft.slides.map(assetOf),
    metadata: metadataOf(draft),
    idempotencyKey,
    audience: 'audience' in audience ? audience.audience : undefined,
    priority: draft.priority === '' ? 0 : draft.priority,
    ...(draft.hasWindow ? { window: { ...draft.window, days: draft.window.days.map(Number).toSorted((a, b) => a - b) } } : {}),
    dispatch: draft.dispatch,
  };
  const parsed = createCampaign.safeParse(body);
  if (parsed.success && Object.keys(own).length === 0) return { body: parsed.data };
  const reasons = parsed.success ? [] : parsed.error.issues.map((issue) => ({ path: issue.path.join('.'), reason: issue.message }));
  const placed = placeErrors(reasons, draft.audience);
  // What this form says of a field is clearer than what the schema does.
  return { errors: { fields: { ...placed.fields, ...own }, rest: placed.rest } };
}

function assetOf(slide: SlideDraft) {
  const seconds = Number(slide.seconds);
  const durationMs = slide.seconds === '' ? undefined : Math.round(seconds * 1000);
  return { assetType: slide.assetType, url: slide.url.trim(), ...(durationMs === undefined ? {} : { durationMs }) };
}

function metadataOf(draft: Draft): Record<string, string> {
  const all = { fit: draft.fit, background: draft.background, transition: draft.transition, text: draft.text.trim() };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''));
}

function missingTimes(draft: Draft): Record<string, string> {
  const errors: Record<string, string> = {};
  if (fromLocalInput(draft.startAt) === undefined) errors['startAt'] = 'Enter a date and a time.';
  const end = fromLocalInput(draft.expireAt);
  if (end === undefined) errors['expireAt'] = 'Enter a date and a time.';
  else if (end <= Date.now()) errors['expireAt'] = 'Must be in the future.';
  return errors;
}

function missingFiles(draft: Draft): Record<string, string> {
  const errors: Record<string, string> = {};
  draft.slides.forEach((slide, index) => {
    if (slide.url.trim() !== '') return;
    errors[`slides.${index}.url`] = slide.source === 'upload' ? 'Choose a file.' : 'Enter the address of the file.';
  });
  return errors;
}

function missingDays(draft: Draft): Record<string, string> {
  return draft.hasWindow && draft.window.days.length === 0 ? { 'window.days': 'Choose at least one day.' } : {};
}
