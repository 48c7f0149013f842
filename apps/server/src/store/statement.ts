/** A PostgreSQL type and the JavaScript type that stands for it. */
export interface SqlType<T> {
  readonly sql: string;
  readonly nullable: boolean;
  /** Only for inference; never set. */
  readonly js?: T;
}

function sqlType<T>(sql: string): SqlType<T> {
  return { sql, nullable: false };
}

/** The types statements take and give. int8 and epoch ms are numbers: none of ours passes 2^53. */
export const t = {
  bool: sqlType<boolean>('bool'),
  int: sqlType<number>('int4'),
  bigint: sqlType<number>('int8'),
  float: sqlType<number>('float8'),
  text: sqlType<string>('text'),
  uuid: sqlType<string>('uuid'),
  bytes: sqlType<Buffer>('bytea'),
  time: sqlType<Date>('timestamptz'),
  /** Given: any JSON value, already parsed. Taken: JSON text. */
  json: sqlType<unknown>('jsonb'),
  jsonText: sqlType<string>('jsonb'),
  /** Text as it was stored: key order kept. */
  rawJson: sqlType<unknown>('json'),
  rawJsonText: sqlType<string>('json'),
  bools: sqlType<boolean[]>('bool[]'),
  ints: sqlType<number[]>('int4[]'),
  bigints: sqlType<number[]>('int8[]'),
  texts: sqlType<string[]>('text[]'),
  uuids: sqlType<string[]>('uuid[]'),
  jsonTexts: sqlType<string[]>('jsonb[]'),
  rawJsonTexts: sqlType<string[]>('json[]'),
  byteses: sqlType<Buffer[]>('bytea[]'),
  nullableTexts: sqlType<(string | null)[]>('text[]'),
  nullableInts: sqlType<(number | null)[]>('int4[]'),
  nullableBigints: sqlType<(number | null)[]>('int8[]'),
  nullableUuids: sqlType<(string | null)[]>('uuid[]'),
  nullableJsonTexts: sqlType<(string | null)[]>('jsonb[]'),
} as const;

/** The same type, or null. */
export function nullable<T>(type: SqlType<T>): SqlType<T | null> {
  return { sql: type.sql, nullable: true };
}

export type Shape = Readonly<Record<string, SqlType<unknown>>>;
export type ValuesOf<S extends Shape> = { [Key in keyof S]: S[Key] extends SqlType<infer T> ? T : never };

/** A named SQL statement. Its name is also the prepared statement's, the metric's label and its word in the log. */
export interface Statement<Takes extends Shape = Shape, Gives extends Shape = Shape> {
  readonly name: string;
  readonly takes: Takes;
  readonly gives: Gives;
  /** With `$1 …` placeholders, each cast to its declared type, in the order of `parameters`. */
  readonly sql: string;
  readonly parameters: readonly string[];
}

const registry = new Map<string, Statement>();

/** Every statement defined so far; a test describes each against the real database. */
export function registeredStatements(): readonly Statement[] {
  return [...registry.values()];
}

interface Definition<Takes extends Shape, Gives extends Shape> {
  name: string;
  takes: Takes;
  gives: Gives;
  text: string;
}

/**
 * Defines a statement. `$name` in the text is the parameter of that name; its declared type is put behind it as a cast,
 * so that what is taken can be inferred. Throws when a name is taken twice or a parameter is unknown or unused.
 */
export function statement<Takes extends Shape, Gives extends Shape>(definition: Definition<Takes, Gives>): Statement<Takes, Gives> {
  const { name, takes, gives } = definition;
  if (registry.has(name)) throw new Error(`the statement ${name} is defined twice`);
  const parameters = Object.keys(takes);
  const unused = new Set(parameters);
  const sql = definition.text.replace(/\$([a-z][A-Za-z0-9]*)/g, (_, parameter: string) => {
    const type = takes[parameter];
    if (type === undefined) throw new Error(`the statement ${name} uses $${parameter}, which it does not take`);
    unused.delete(parameter);
    return `$${parameters.indexOf(parameter) + 1}::${type.sql}`;
  });
  if (unused.size > 0) throw new Error(`the statement ${name} takes ${[...unused].join(', ')} and does not use it`);
  const made: Statement<Takes, Gives> = { name, takes, gives, sql: sql.trim(), parameters };
  registry.set(name, made);
  return made;
}
