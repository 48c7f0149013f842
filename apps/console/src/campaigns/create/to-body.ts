import { type CampaignView, type CreateCampaignInput, createForScreens, type EditCampaignInput, editCampaign } from '@marquee/contracts';
import { audienceOf } from '../../parts/audience.js';
import { type Draft, draftOf, fromLocalInput, type SlideDraft, toLocalInput } from './draft.js';
import { placeErrors } from './field-errors.js';
import type { Reading } from './use-campaign-form.js';

/** Reads the form by the contract's own schema, so that what passes here passes the server's validation too. */
export function toBody(draft: Draft, idempotencyKey: string): Reading<CreateCampaignInput> {
  const audience = audienceOf(draft);
  const body = {
    ...contentOf(draft),
    startAt: fromLocalInput(draft.startAt),
    expireAt: fromLocalInput(draft.expireAt),
    metadata: metadataOf(draft),
    idempotencyKey,
    audience: 'audience' in audience ? audience.audience : undefined,
    dispatch: draft.dispatch,
  };
  return readingOf(draft, createForScreens.safeParse(body), 'errors' in audience ? audience.errors : {});
}

/**
 * Reads the form of an edit the same way. What the form does not show as exactly as it is kept (seconds, further metadata, groups together
 * with tags) stays as it was where its field was left alone.
 */
export function toEdit(draft: Draft, campaign: CampaignView): Reading<EditCampaignInput> {
  const before = draftOf(campaign);
  const renamed = JSON.stringify(audienceFields(draft)) !== JSON.stringify(audienceFields(before));
  const audience = renamed ? audienceOf(draft) : undefined;
  const body = {
    ...contentOf(draft),
    startAt: draft.startAt === toLocalInput(campaign.startAt) ? campaign.startAt : fromLocalInput(draft.startAt),
    expireAt: draft.expireAt === toLocalInput(campaign.expireAt) ? campaign.expireAt : fromLocalInput(draft.expireAt),
    metadata: changedMetadata(draft, before, campaign.metadata),
    ...(audience !== undefined && 'audience' in audience ? { audience: audience.audience } : {}),
  };
  return readingOf(draft, editCampaign.safeParse(body), audience !== undefined && 'errors' in audience ? audience.errors : {});
}

type Parsed<Body> = { success: true; data: Body } | { success: false; error: { issues: { path: PropertyKey[]; message: string }[] } };

function readingOf<Body>(draft: Draft, parsed: Parsed<Body>, audienceErrors: Record<string, string>): Reading<Body> {
  const own: Record<string, string> = { ...missingTimes(draft), ...missingFiles(draft), ...missingDays(draft), ...audienceErrors };
  if (parsed.success && Object.keys(own).length === 0) return { body: parsed.data };
  const reasons = parsed.success ? [] : parsed.error.issues.map((issue) => ({ path: issue.path.join('.'), reason: issue.message }));
  const placed = placeErrors(reasons, draft.audience);
  // What this form says of a field is clearer than what the schema does.
  return { errors: { fields: { ...placed.fields, ...own }, rest: placed.rest } };
}

function contentOf(draft: Draft) {
  return {
    name: draft.name,
    assets: draft.slides.map(assetOf),
    priority: draft.priority === '' ? 0 : draft.priority,
    ...(draft.clickUrl.trim() === '' ? {} : { clickUrl: draft.clickUrl.trim() }),
    ...(draft.hasWindow ? { window: { ...draft.window, days: draft.window.days.map(Number).toSorted((a, b) => a - b) } } : {}),
  };
}

function audienceFields({ audience, groups, tagsAny, tagsAll, tagsNone, ids }: Draft) {
  return { audience, groups, tagsAny, tagsAll, tagsNone, ids };
}

const LOOK = ['fit', 'background', 'transition', 'text', 'qrPosition'] as const;

function changedMetadata(draft: Draft, before: Draft, metadata: Record<string, unknown>): Record<string, unknown> {
  const next = { ...metadata };
  for (const name of LOOK) {
    if (draft[name] === before[name]) continue;
    if (draft[name].trim() === '') delete next[name];
    else next[name] = draft[name].trim();
  }
  return next;
}

function assetOf(slide: SlideDraft) {
  const seconds = Number(slide.seconds);
  const durationMs = slide.seconds === '' ? undefined : Math.round(seconds * 1000);
  return { assetType: slide.assetType, url: slide.url.trim(), ...(durationMs === undefined ? {} : { durationMs }) };
}

function metadataOf(draft: Draft): Record<string, string> {
  const all = { fit: draft.fit, background: draft.background, transition: draft.transition, text: draft.text.trim(), ...qrOf(draft) };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''));
}

function qrOf({ clickUrl, qrPosition }: Draft): Record<string, string> {
  return clickUrl.trim() === '' ? {} : { qrPosition };
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
