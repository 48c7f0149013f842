import { Button, Group, Modal, NumberInput, PasswordInput, Stack, Switch, TagsInput, TextInput } from '@mantine/core';
import type { AlertRuleView, PutAlertRuleInput } from '@marquee/contracts';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { api } from '../api/client.js';
import { keys } from '../api/queries.js';
import { AudienceCount, AudiencePicker } from '../parts/audience-picker.js';
import { Trouble } from '../parts/trouble.js';
import { bodyOf, draftOf, type RuleDraft } from './rule-draft.js';

interface RuleDialogProps {
  /** Undefined: a new one. */
  rule: AlertRuleView | undefined;
  opened: boolean;
  onClose: () => void;
}

export function RuleDialog({ rule, opened, onClose }: RuleDialogProps) {
  return (
    <Modal opened={opened} onClose={onClose} title={rule === undefined ? 'New rule' : 'Edit rule'} size="lg">
      <RuleForm rule={rule} onClose={onClose} />
    </Modal>
  );
}

function RuleForm({ rule, onClose }: Omit<RuleDialogProps, 'opened'>) {
  const cache = useQueryClient();
  const [draft, setDraft] = useState(() => draftOf(rule));
  const [errors, setErrors] = useState<Record<string, string>>({});
  const saving = useMutation({
    mutationFn: (body: PutAlertRuleInput) => (rule === undefined ? api.createAlertRule(body) : api.putAlertRule(rule.id, body)),
    onSuccess: async () => {
      await cache.invalidateQueries({ queryKey: keys.alerts });
      onClose();
    },
  });
  const set = (part: Partial<RuleDraft>) => {
    setDraft((old) => ({ ...old, ...part }));
    setErrors((old) => Object.fromEntries(Object.entries(old).filter(([field]) => !(field in part))));
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const result = bodyOf(draft);
    if ('errors' in result) setErrors(result.errors);
    else saving.mutate(result.body);
  };
  return (
    <form onSubmit={submit} noValidate aria-label={rule === undefined ? 'New rule' : 'Edit rule'}>
      <Stack gap="md">
        <TextInput
          label="Name"
          required
          maxLength={200}
          value={draft.name}
          error={errors['name']}
          onChange={(event) => set({ name: event.currentTarget.value })}
          data-autofocus
        />
        <NumberInput
          label="Grace"
          description="How long a screen may be offline before it counts as an outage."
          suffix=" min"
          min={0}
          decimalScale={2}
          value={draft.graceMinutes}
          error={errors['graceMinutes']}
          onChange={(value) => set({ graceMinutes: value })}
        />
        <AudiencePicker value={draft} errors={errors} onChange={set} />
        <AudienceCount draft={draft} />
        <Told draft={draft} errors={errors} set={set} hasSecret={rule?.webhook?.hasSecret === true} />
        <Switch label="Enabled" checked={draft.enabled} onChange={(event) => set({ enabled: event.currentTarget.checked })} />
        {saving.isError && <Trouble title="The rule was not saved" error={saving.error} />}
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={onClose}>
            Discard
          </Button>
          <Button type="submit" loading={saving.isPending}>
            Save rule
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

interface ToldProps {
  draft: RuleDraft;
  errors: Record<string, string>;
  set: (part: Partial<RuleDraft>) => void;
  hasSecret: boolean;
}

/** Who is told beside this page. */
function Told({ draft, errors, set, hasSecret }: ToldProps) {
  return (
    <>
      <TagsInput
        label="Email addresses"
        placeholder={draft.emails.length === 0 ? 'Type, then Enter' : ''}
        acceptValueOnBlur
        clearable
        value={draft.emails}
        error={errors['emails']}
        onChange={(emails) => set({ emails: emails })}
      />
      <TextInput
        label="Webhook"
        placeholder="https://…"
        type="url"
        value={draft.webhookUrl}
        error={errors['webhookUrl']}
        onChange={(event) => set({ webhookUrl: event.currentTarget.value })}
      />
      {draft.webhookUrl !== '' && (
        <PasswordInput
          label="Secret"
          description={
            hasSecret
              ? 'One is set, and stays unless you type another.'
              : 'Signs what is posted, so that the receiver can tell who sent it.'
          }
          autoComplete="new-password"
          maxLength={512}
          value={draft.secret}
          error={errors['secret']}
          onChange={(event) => set({ secret: event.currentTarget.value })}
        />
      )}
    </>
  );
}
