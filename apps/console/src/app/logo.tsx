/** The product's mark: an M as a marquee, with its lights below. Decorative; the name stands beside it. */
export function Logo({ size = 28 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="8" fill="var(--mantine-color-marquee-7)" />
      <path d="M8 22V10.5l8 7 8-7V22" fill="none" stroke="#fff" strokeWidth="3" strokeLinecap="round" strokeLinejoin="round" />
      <circle cx="16" cy="25" r="1.6" fill="#99f0e0" />
      <circle cx="10.5" cy="25.6" r="1.2" fill="#99f0e0" opacity=".7" />
      <circle cx="21.5" cy="25.6" r="1.2" fill="#99f0e0" opacity=".7" />
    </svg>
  );
}
