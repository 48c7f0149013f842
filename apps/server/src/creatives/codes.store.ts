import { nullable, statement, t } from '../store/statement.js';

/** What the codes of a campaign's present version are made of, its assets in order. */
export const codesOfCampaign = statement({
  name: 'codes_of_campaign',
  takes: { id: t.uuid },
  gives: { click_url: nullable(t.text), code_key: t.bytes, assets: t.json },
  text: `
    select c.click_url, c.code_key,
      (select coalesce(jsonb_agg(jsonb_build_object('id', a.id, 'number', a.number) order by a.position), '[]')
       from campaign_assets a where a.campaign_id = c.id and a.version = c.version) as assets
    from campaigns c where c.id = $id`,
});
