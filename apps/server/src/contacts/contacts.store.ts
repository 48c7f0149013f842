import { nullable, statement, t } from '../store/statement.js';

const contactRow = {
  id: t.text,
  email: nullable(t.text),
  phone: nullable(t.text),
  attributes: t.json,
  tags: t.texts,
  time_zone: nullable(t.text),
  created_at: t.bigint,
  updated_at: t.bigint,
};
const CONTACT = `
  c.id, c.email, c.phone, c.attributes, c.tags, c.time_zone, epoch_ms(c.created_at) as created_at, epoch_ms(c.updated_at) as updated_at`;

const filter = { tag: nullable(t.text), part: nullable(t.text) };
const FILTER = `
  ($tag is null or c.tags @> array[$tag])
  and ($part is null or position(lower($part) in lower(c.id)) > 0 or position(lower($part) in lower(c.email)) > 0
       or position($part in c.phone) > 0)`;

/** Contacts in the order of their ids, after the id $after. The page is made of ids first: what is skipped is then read from the index alone. */
export const listContacts = statement({
  name: 'contacts_list',
  takes: { ...filter, after: t.text, skip: t.int, most: t.int },
  gives: contactRow,
  text: `
    select ${CONTACT}
    from (select c.id from contacts c where c.id > $after and ${FILTER} order by c.id offset $skip limit $most) as page
    join contacts c using (id) order by c.id`,
});

export const countContacts = statement({
  name: 'contacts_count',
  takes: filter,
  gives: { n: t.bigint },
  text: `select count(*) as n from contacts c where ${FILTER}`,
});

/** How many there are, out of the kept deltas. */
export const totalContacts = statement({
  name: 'contacts_total',
  takes: {},
  gives: { n: t.bigint },
  text: 'select coalesce(sum(n), 0)::bigint as n from contact_totals',
});

export const findContact = statement({
  name: 'contacts_find',
  takes: { id: t.text },
  gives: contactRow,
  text: `select ${CONTACT} from contacts c where c.id = $id`,
});

/**
 * Enters contacts or sets all that is known of them, each id once; answers how many were new and how many are not what they were. One
 * that is as it was is left alone. In the order of their ids, so that two imports of the same contacts queue for each other.
 */
export const putContacts = statement({
  name: 'contacts_put',
  takes: {
    ids: t.texts,
    emails: t.nullableTexts,
    phones: t.nullableTexts,
    attributes: t.jsonTexts,
    tags: t.jsonTexts,
    timeZones: t.nullableTexts,
  },
  gives: { imported: t.bigint, updated: t.bigint },
  text: `
    with wanted as (
      select id, email, phone, attributes, array(select jsonb_array_elements_text(tags)) as tags, time_zone
      from unnest((select $ids), (select $emails), (select $phones), (select $attributes), (select $tags), (select $timeZones))
             as w(id, email, phone, attributes, tags, time_zone)),
    put as (
      insert into contacts as c (id, email, phone, attributes, tags, time_zone)
      select id, email, phone, attributes, tags, time_zone from wanted order by id
      on conflict (id) do update
      set email = excluded.email, phone = excluded.phone, attributes = excluded.attributes, tags = excluded.tags,
          time_zone = excluded.time_zone, updated_at = now()
      where (c.email, c.phone, c.attributes, c.tags, c.time_zone)
            is distinct from (excluded.email, excluded.phone, excluded.attributes, excluded.tags, excluded.time_zone)
      returning c.xmax = 0 as entered)
    select count(*) filter (where entered) as imported, count(*) filter (where not entered) as updated from put`,
});

/** Forgets a contact; what it was sent stays in the account. */
export const deleteContact = statement({
  name: 'contacts_delete',
  takes: { id: t.text },
  gives: { id: t.text },
  text: 'delete from contacts where id = $id returning id',
});
