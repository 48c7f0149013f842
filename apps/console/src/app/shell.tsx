import {
  ActionIcon,
  AppShell,
  Badge,
  Box,
  Burger,
  Group,
  NavLink,
  Text,
  Tooltip,
  useComputedColorScheme,
  useMantineColorScheme,
} from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import {
  IconAddressBook,
  IconBell,
  IconClick,
  IconDeviceTv,
  IconMoon,
  IconPlayerPlay,
  IconSpeakerphone,
  IconSun,
} from '@tabler/icons-react';
import { Link, Outlet, useRouterState } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';
import { queries } from '../api/queries.js';
import { number } from '../parts/pager.js';
import { LiveIndicator } from './live-indicator.js';
import { Logo } from './logo.js';
import classes from './shell.module.css';

/** The rooms of the console. */
const ROOMS = [
  { to: '/', label: 'Campaigns', icon: IconSpeakerphone, within: '/console/campaigns' },
  { to: '/console/executions', label: 'Executions', icon: IconPlayerPlay, within: '/console/executions' },
  { to: '/console/screens', label: 'Screens', icon: IconDeviceTv, within: '/console/screens' },
  { to: '/console/contacts', label: 'Contacts', icon: IconAddressBook, within: '/console/contacts' },
  { to: '/console/clicks', label: 'Clicks', icon: IconClick, within: '/console/clicks' },
  { to: '/console/alerts', label: 'Alerts', icon: IconBell, within: '/console/alerts' },
] as const;

export function Shell() {
  const [open, { toggle, close }] = useDisclosure(false);
  const path = useRouterState({ select: (state) => state.location.pathname });
  useFocusOnNavigation(path);
  return (
    <AppShell
      header={{ height: 56 }}
      navbar={{ width: 216, breakpoint: 'sm', collapsed: { mobile: !open } }}
      padding={{ base: 'md', sm: 'xl' }}
      classNames={{ header: classes.header ?? '', navbar: classes.navbar ?? '', main: classes.main ?? '' }}
    >
      <a href="#main" className={classes.skip}>
        Skip to the page
      </a>
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            <Burger opened={open} onClick={toggle} hiddenFrom="sm" size="sm" aria-label={open ? 'Close the menu' : 'Open the menu'} />
            <Link to="/" className={classes.brand} onClick={close}>
              <Logo />
              <Text component="span" fw={700} size="lg" lts={-0.2}>
                Marquee
              </Text>
            </Link>
          </Group>
          <Group gap="xs" wrap="nowrap">
            <LiveIndicator />
            <SchemeSwitch />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="sm">
        <nav aria-label="Rooms">
          {ROOMS.map(({ to, label, icon: Icon, within }) => (
            <NavLink
              key={to}
              component={Link}
              to={to}
              label={label}
              leftSection={<Icon size={19} stroke={1.7} />}
              rightSection={to === '/console/alerts' ? <OpenOutages /> : null}
              active={path === to || path.startsWith(within)}
              onClick={close}
              className={classes.room ?? ''}
            />
          ))}
        </nav>
      </AppShell.Navbar>
      <AppShell.Main>
        <Box id="main" tabIndex={-1} className={classes.page ?? ''}>
          <Outlet />
        </Box>
      </AppShell.Main>
    </AppShell>
  );
}

/** A campaign's own stream does not tell of alerts, and a screen that is away can wait for a moment. */
const OUTAGES_MS = 15_000;

function OpenOutages() {
  const { data } = useQuery({ ...queries.outages({ state: 'open', offset: 0, limit: 1 }), refetchInterval: OUTAGES_MS });
  if (data === undefined || data.total === 0) return null;
  const label = `${number(data.total)} open ${data.total === 1 ? 'outage' : 'outages'}`;
  return (
    <Tooltip label={label}>
      <Badge color="red" size="sm" role="img" aria-label={label}>
        {number(data.total)}
      </Badge>
    </Tooltip>
  );
}

/** Another page begins at its top for the keyboard and for who listens, as it does for the eye. */
function useFocusOnNavigation(path: string): void {
  const before = useRef(path);
  useEffect(() => {
    if (before.current === path) return;
    before.current = path;
    document.getElementById('main')?.focus({ preventScroll: true });
  }, [path]);
}

function SchemeSwitch() {
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme('light');
  const other = scheme === 'dark' ? 'light' : 'dark';
  const label = `Switch to the ${other} scheme`;
  return (
    <Tooltip label={label}>
      <ActionIcon variant="subtle" color="gray" size="lg" aria-label={label} onClick={() => setColorScheme(other)}>
        {scheme === 'dark' ? <IconSun size={19} stroke={1.7} /> : <IconMoon size={19} stroke={1.7} />}
      </ActionIcon>
    </Tooltip>
  );
}
