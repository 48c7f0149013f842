import { Autocomplete, CloseButton } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { IconSearch } from '@tabler/icons-react';
import { useState } from 'react';

interface TypedFilterProps {
  label: string;
  value: string;
  /** Told a moment after the last key. */
  onSettle: (value: string | undefined) => void;
  icon?: boolean;
  /** Values to choose from; any other can be typed. */
  offers?: string[];
}

/** A filter of a list that is typed, and settles a moment after the last key. */
export function TypedFilter({ label, value, onSettle, icon = false, offers = [] }: TypedFilterProps) {
  const [typed, setTyped] = useState(value);
  const [shown, setShown] = useState(value);
  const settle = useDebouncedCallback((text: string) => onSettle(text.trim() === '' ? undefined : text), 300);
  // The address changed by another way than typing here (a link, back): show what holds.
  if (value !== shown) {
    setShown(value);
    setTyped(value);
  }
  const change = (text: string) => {
    setTyped(text);
    settle(text);
  };
  return (
    <Autocomplete
      data={offers}
      aria-label={label}
      placeholder={label}
      value={typed}
      maxLength={128}
      onChange={change}
      leftSection={icon ? <IconSearch size={16} aria-hidden /> : undefined}
      rightSection={typed === '' ? null : <CloseButton size="sm" aria-label={`Clear ${label.toLowerCase()}`} onClick={() => change('')} />}
    />
  );
}
