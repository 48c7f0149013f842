import { Alert, List } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { FAILURE_ID } from './use-campaign-form.js';

/** Why a form was not taken. */
export interface Failure {
  title: string;
  reasons: string[];
}

/** Says why a form was not taken, with a way on where there is one. */
export function FormFailure({ failure, children }: { failure: Failure; children?: ReactNode }) {
  return (
    <Alert color="red" icon={<IconAlertTriangle size={20} />} title={failure.title} role="alert" id={FAILURE_ID} tabIndex={-1}>
      <List size="sm" listStyleType={failure.reasons.length > 1 ? 'disc' : 'none'}>
        {failure.reasons.map((reason) => (
          <List.Item key={reason}>{reason}</List.Item>
        ))}
      </List>
      {children}
    </Alert>
  );
}
