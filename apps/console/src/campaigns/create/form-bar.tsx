import { Button, Group } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import classes from './create.module.css';

/** The way out of the create form, always in sight. */
export function FormBar({ sending, uploading = false }: { sending: boolean; uploading?: boolean }) {
  return (
    <div className={classes.bar}>
      <Group justify="flex-end" gap="sm">
        <Button component={Link} to="/" variant="default">
          Discard
        </Button>
        <Button type="submit" loading={sending} disabled={uploading}>
          {uploading ? 'Uploading…' : 'Create campaign'}
        </Button>
      </Group>
    </div>
  );
}
