/** Epoch ms with a fraction, comparable between processes. */
export function epochNow(): number {
  return performance.timeOrigin + performance.now();
}
