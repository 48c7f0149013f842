import { type CSSVariablesResolver, createTheme, type MantineColorsTuple, rem } from '@mantine/core';

/** The one accent: a quiet teal. Everything else is ink on paper; other colours only ever mean a state. */
const marquee: MantineColorsTuple = [
  '#eefaf7',
  '#d9f2ec',
  '#b0e4d8',
  '#83d4c3',
  '#57bfab',
  '#2ea793',
  '#168a7a',
  '#0f766e',
  '#0d5f59',
  '#0a4a46',
];

/** Cool greys, text first. */
const gray: MantineColorsTuple = [
  '#f7f8fa',
  '#eff1f5',
  '#e4e7ed',
  '#d5dae2',
  '#bcc3cf',
  '#9aa3b2',
  '#667082',
  '#525c6d',
  '#353e4d',
  '#1c232f',
];

/** Ink for the dark scheme, lightest (text) to darkest. */
const dark: MantineColorsTuple = [
  '#d8dde6',
  '#aeb7c5',
  '#8f9aab',
  '#667184',
  '#414b5b',
  '#303948',
  '#222a36',
  '#181e28',
  '#11161e',
  '#0b0f15',
];

const systemFonts = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';

export const theme = createTheme({
  colors: { marquee, gray, dark },
  primaryColor: 'marquee',
  primaryShade: { light: 7, dark: 6 },
  autoContrast: false,
  defaultRadius: 'md',
  fontFamily: systemFonts,
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, monospace',
  headings: {
    fontFamily: systemFonts,
    fontWeight: '650',
    sizes: { h1: { fontSize: rem(26), lineHeight: '1.25' }, h2: { fontSize: rem(17), lineHeight: '1.35' }, h3: { fontSize: rem(15) } },
  },
  cursorType: 'pointer',
  components: {
    Badge: { defaultProps: { radius: 'sm', tt: 'none', fw: 600 } },
    Tooltip: { defaultProps: { withArrow: true, openDelay: 250, multiline: true, maw: 320 } },
    Paper: { defaultProps: { withBorder: true, radius: 'lg' } },
    Modal: { defaultProps: { radius: 'lg', centered: true }, styles: { title: { fontWeight: 650, fontSize: rem(17), lineHeight: 1.35 } } },
    Table: { defaultProps: { verticalSpacing: 'sm', horizontalSpacing: 'md' } },
  },
});

const READABLE = Object.fromEntries(
  Object.entries({ red: '#c02626', orange: '#b0470a', yellow: '#8a5a00', green: '#237a36' }).flatMap(([color, ink]) => [
    [`--mantine-color-${color}-text`, ink],
    [`--mantine-color-${color}-light-color`, ink],
  ]),
);

const STATE_COLORS = ['marquee', 'gray', 'green', 'blue', 'violet', 'red', 'orange', 'yellow'];

/**
 * In the light scheme, words in a colour are dark enough to be read on white (4.5:1). In the dark one, a light variant is its colour
 * over the surface, thinly: solid dark fills would look like holes.
 */
export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    ...READABLE,
    '--mantine-color-error': '#c02626',
    '--mantine-color-red-filled': '#c92a2a',
    '--mantine-color-red-filled-hover': '#b02525',
    '--mantine-color-yellow-light': 'color-mix(in srgb, var(--mantine-color-yellow-5) 16%, transparent)',
    '--mantine-color-orange-light': 'color-mix(in srgb, var(--mantine-color-orange-5) 14%, transparent)',
  },
  dark: Object.fromEntries([
    ['--mantine-color-error', 'var(--mantine-color-red-5)'],
    ['--mantine-color-red-filled', '#c92a2a'],
    ['--mantine-color-red-filled-hover', '#b02525'],
    ...STATE_COLORS.flatMap((color) => [
      [`--mantine-color-${color}-light`, `color-mix(in srgb, var(--mantine-color-${color}-5) 17%, transparent)`],
      [`--mantine-color-${color}-light-hover`, `color-mix(in srgb, var(--mantine-color-${color}-5) 24%, transparent)`],
      [`--mantine-color-${color}-light-color`, `var(--mantine-color-${color}-${color === 'gray' ? 4 : 3})`],
    ]),
  ]),
});
