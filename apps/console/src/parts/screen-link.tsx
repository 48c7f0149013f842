import { LinkAnchor } from './link-anchor.js';
import table from './table.module.css';

/** A screen's name in a table; leads to its page. */
export function ScreenLink({ id }: { id: string }) {
  return (
    <LinkAnchor to="/console/screens/$id" params={{ id }} size="sm" fw={600} className={table.words ?? ''}>
      {id}
    </LinkAnchor>
  );
}
