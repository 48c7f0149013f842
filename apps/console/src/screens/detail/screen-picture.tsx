import { Button, Image, Stack, Text } from '@mantine/core';
import { pathTo, type ScreenDetail } from '@marquee/contracts';
import { IconCamera } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { api } from '../../api/client.js';
import { Section } from '../../parts/section.js';
import { Time, useNow } from '../../parts/time.js';
import { Trouble } from '../../parts/trouble.js';

/** After so long a screen that was asked for a picture will not send one. */
const PATIENCE_MS = 30_000;

/** The last picture that the screen took of itself, and the way to a new one. */
export function ScreenPicture({ screen }: { screen: ScreenDetail }) {
  const { deviceId, screenshotAt } = screen;
  const ask = useMutation({
    mutationFn: async () => {
      await api.askForPicture(deviceId);
      return { before: screenshotAt, at: Date.now() };
    },
  });
  const asked = ask.data;
  const waiting = asked !== undefined && asked.before === screenshotAt;
  const late = useNow() - (asked?.at ?? 0) > PATIENCE_MS;
  return (
    <Section
      title="Last picture"
      hint={screenshotAt === null ? 'A picture that the screen takes of itself.' : <Time at={screenshotAt} size="sm" />}
      action={
        <Button
          size="xs"
          variant="default"
          leftSection={<IconCamera size={15} />}
          disabled={screen.status === 'offline'}
          loading={ask.isPending || (waiting && !late)}
          onClick={() => ask.mutate()}
        >
          Take a picture
        </Button>
      }
    >
      <Stack gap="sm">
        {ask.isError && <Trouble title="It was not asked" error={ask.error} />}
        {waiting && late && (
          <Text size="sm" c="orange">
            It was asked and has sent no picture. An older player cannot.
          </Text>
        )}
        {screenshotAt !== null && (
          <Image
            src={`${pathTo('screenScreenshot', deviceId)}?at=${screenshotAt}`}
            alt={`What ${deviceId} showed`}
            radius="md"
            mah={420}
            fit="contain"
            style={{ background: '#000' }}
          />
        )}
      </Stack>
    </Section>
  );
}
