import type { Runner } from '../store/database.js';
import { statement, t } from '../store/statement.js';

/** The contacts that these deliveries go to, each as the JSON that its receiver is told; none for one that is a contact no more. */
const contactsOfDeliveries = statement({
  name: 'deliveries_contacts',
  takes: { ids: t.uuids },
  gives: { id: t.uuid, recipient: t.text },
  text: `
    select d.id, (jsonb_strip_nulls(jsonb_build_object('id', c.id, 'email', c.email, 'phone', c.phone, 'timeZone', c.time_zone))
                  || jsonb_build_object('attributes', c.attributes, 'tags', c.tags))::text as recipient
    from deliveries d join contacts c on c.id = d.recipient
    where d.id = any($ids)`,
});

/** The recipients of these deliveries by delivery id, as JSON and as they are now; without those that are contacts no more. */
export async function recipientsOf(database: Runner, deliveryIds: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const rows = await database.run(contactsOfDeliveries, { ids: [...deliveryIds] });
  return new Map(rows.map(({ id, recipient }) => [id, recipient]));
}
