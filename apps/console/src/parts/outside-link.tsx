import { Anchor, type AnchorProps, Text } from '@mantine/core';
import { httpHref } from './outside.js';

/** A URL from outside: a link when it is http(s), else only its text. */
export function OutsideLink({ url, ...props }: { url: string } & AnchorProps) {
  const href = httpHref(url);
  if (href === undefined) return <Text {...props}>{url}</Text>;
  return (
    <Anchor href={href} target="_blank" rel="noopener noreferrer" {...props}>
      {url}
    </Anchor>
  );
}
