import { Progress, Text } from '@mantine/core';
import { CLOCK_OFF_MS, type ScreenDetail } from '@marquee/contracts';
import { formatBytes } from '../../parts/bytes.js';
import { ClockMark, offsetWords } from '../../parts/clock.js';
import { Fact, Facts } from '../../parts/facts.js';
import { LinkAnchor } from '../../parts/link-anchor.js';
import { number } from '../../parts/pager.js';
import { ScreenDot } from '../../parts/status.js';
import { Time } from '../../parts/time.js';

export function ScreenFacts({ screen }: { screen: ScreenDetail }) {
  const { clockOffsetMs, storage, nowPlaying } = screen;
  return (
    <Facts>
      <Fact name="Status">
        <ScreenDot status={screen.status} />
        <Text size="xs" c="dimmed" component="div">
          since <Time at={screen.statusSince} brief size="xs" />
        </Text>
      </Fact>
      <Fact name="Last seen">{screen.lastSeen === null ? 'never' : <Time at={screen.lastSeen} stacked />}</Fact>
      <Fact name="Now playing">
        {nowPlaying === null ? (
          <None />
        ) : (
          <>
            <LinkAnchor to="/console/campaigns/$id" params={{ id: nowPlaying.campaignId }} size="sm" lineClamp={2}>
              {nowPlaying.name}
            </LinkAnchor>
            <Text size="xs" c="dimmed" component="div">
              since <Time at={nowPlaying.since} brief size="xs" />
            </Text>
          </>
        )}
      </Fact>
      <Fact name="Clock">{clockOffsetMs === null ? <None /> : <Clock offsetMs={clockOffsetMs} />}</Fact>
      <Fact name="Storage">{storage === null ? <None /> : <Storage {...storage} />}</Fact>
      <Fact name="Events">
        <Events events={screen.events} />
      </Fact>
      <Fact name="Group">{screen.groupId ?? <None />}</Fact>
      <Fact name="Tags">{screen.tags.length === 0 ? <None /> : screen.tags.join(', ')}</Fact>
    </Facts>
  );
}

function Clock({ offsetMs }: { offsetMs: number }) {
  if (Math.abs(offsetMs) > CLOCK_OFF_MS) return <ClockMark offsetMs={offsetMs} />;
  return <>{offsetMs === 0 ? 'exact' : offsetWords(offsetMs)}</>;
}

/** Whether all that it said arrived. */
function Events({ events }: { events: ScreenDetail['events'] }) {
  if (events === null) return <None />;
  const { missing, lost } = events;
  return (
    <>
      {missing === 0 ? 'all here' : `${number(missing)} missing`}
      {lost > 0 && (
        <Text size="xs" c="orange" component="div">
          events lost: {number(lost)}
        </Text>
      )}
    </>
  );
}

function Storage({ usedBytes, quotaBytes }: { usedBytes: number; quotaBytes: number }) {
  const share = quotaBytes === 0 ? 100 : Math.min(100, (usedBytes / quotaBytes) * 100);
  return (
    <>
      {formatBytes(usedBytes)} of {formatBytes(quotaBytes)}
      <Progress value={share} size="xs" mt={6} color={share > 90 ? 'red' : 'marquee'} aria-label="Storage in use" />
    </>
  );
}

function None() {
  return (
    <Text span c="dimmed" size="sm">
      –
    </Text>
  );
}
