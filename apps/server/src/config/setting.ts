import type { z } from 'zod';

/** One setting: its name in the environment, what it takes, what stands in for it when it is not set, and a line for whoever sets it. */
export interface Setting<
  Type extends z.ZodType<unknown, string> = z.ZodType<unknown, string>,
  Fallback extends string | undefined = string | undefined,
> {
  readonly key: string;
  readonly type: Type;
  readonly fallback: Fallback;
  readonly doc: string;
}

export function setting<Type extends z.ZodType<unknown, string>>(
  key: string,
  type: Type,
  fallback: string,
  doc: string,
): Setting<Type, string> {
  return { key, type, fallback, doc };
}

/** A setting whose absence means something of its own, told by its line. */
export function optional<Type extends z.ZodType<unknown, string>>(key: string, type: Type, doc: string): Setting<Type, undefined> {
  return { key, type, fallback: undefined, doc };
}
