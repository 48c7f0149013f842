import type { ScreenEventType, ScreenLack } from '@marquee/contracts';

export const lackWords: Record<ScreenLack, string> = {
  secure_context: 'It was loaded over plain HTTP by name: the browser gives it no service worker and no cache.',
  service_worker: 'It has no service worker: without the server its page cannot be loaded again after a power cut.',
  persistent_storage: 'The browser did not promise to keep what is stored: it may clear it when room runs out.',
  free_storage: 'It has no room for what it was offered.',
  server_time: 'It could not estimate the server’s time: it plays by its own clock.',
};

export const eventWords: Record<ScreenEventType, string> = {
  INSTALL_ACK: 'Installed',
  DISPLAY_START: 'Went on air',
  DISPLAY_COMPLETE: 'Went off air',
  REVOKE_ACK: 'Took it off',
  ERROR: 'Error',
  PLAY_LOG: 'Plays',
};
