import { Button, Modal } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { DeliveryTimeline } from './delivery-timeline.js';

/** Opens all that happened to one delivery. */
export function TimelineButton({ id, recipient }: { id: string; recipient: string }) {
  const [opened, { open, close }] = useDisclosure(false);
  return (
    <>
      <Button size="compact-xs" variant="default" onClick={open} aria-label={`Timeline of ${recipient}`}>
        Timeline
      </Button>
      <Modal opened={opened} onClose={close} title={`Timeline of ${recipient}`}>
        <DeliveryTimeline id={id} />
      </Modal>
    </>
  );
}
