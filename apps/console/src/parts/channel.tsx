import { Group, Text } from '@mantine/core';
import { IconDeviceTv, IconFlask, IconWebhook, type IconProps } from '@tabler/icons-react';
import type { ComponentType } from 'react';

const CHANNEL_LOOKS: Record<string, { label: string; icon: ComponentType<IconProps> }> = {
  screen: { label: 'Screens', icon: IconDeviceTv },
  webhook: { label: 'Webhook', icon: IconWebhook },
  null: { label: 'Rehearsal', icon: IconFlask },
};

/** The way by which a campaign reaches its recipients. */
export function Channel({ name }: { name: string }) {
  const look = CHANNEL_LOOKS[name];
  if (look === undefined) return <Text size="sm">{name}</Text>;
  const { label, icon: Icon } = look;
  return (
    <Group gap={7} wrap="nowrap">
      <Icon size={16} stroke={1.6} aria-hidden />
      <Text span size="sm">
        {label}
      </Text>
    </Group>
  );
}
