import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { endProcess } from './processes.js';
import type { Scratch } from './scratch.js';

/** What a child process can be asked to do; arguments and results are cloned on their way. */
type Methods = Record<string, (argument: never) => Promise<unknown>>;

interface Question {
  id: number;
  method: string;
  argument: unknown;
}
interface Answer {
  id: number;
  result?: unknown;
  error?: string;
}

/** In the child: answers the parent's questions, and exits when the parent is gone. */
export function answerParent(methods: Methods): void {
  process.on('message', (message) => {
    const { id, method, argument } = message as Question;
    const answer = (rest: Omit<Answer, 'id'>): void => void process.send?.({ id, ...rest });
    const work = methods[method];
    if (work === undefined) answer({ error: `no method ${method}` });
    else {
      work(argument as never).then(
        (result) => answer({ result }),
        (error: unknown) => answer({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
      );
    }
  });
  process.on('disconnect', () => process.exit(0));
  // Ctrl-C reaches the whole group; the parent ends us when it has closed what depends on us.
  process.on('SIGINT', () => undefined);
}

/** In the parent: a child process of `children/` and its methods. */
export class Remote<Interface extends Methods> {
  private readonly child: ChildProcess;
  private readonly open = new Map<number, { resolve: (result: never) => void; reject: (error: Error) => void }>();
  private asked = 0;

  constructor(scratch: Scratch, file: string) {
    this.child = fork(fileURLToPath(new URL(`./children/${file}`, import.meta.url)), {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      serialization: 'advanced',
    });
    this.child.on('message', (message) => this.settle(message as Answer));
    this.child.on('exit', (code) => {
      for (const { reject } of this.open.values()) reject(new Error(`${file} ended with ${code}`));
      this.open.clear();
    });
    scratch.defer(() => endProcess(this.child));
  }

  call<Method extends keyof Interface & string>(
    method: Method,
    argument: Parameters<Interface[Method]>[0],
  ): Promise<Awaited<ReturnType<Interface[Method]>>> {
    const answer = new Promise<Awaited<ReturnType<Interface[Method]>>>((resolve, reject) => {
      this.asked += 1;
      this.open.set(this.asked, { resolve, reject });
      this.child.send({ id: this.asked, method, argument } satisfies Question, (error) => {
        if (error !== null) reject(error);
      });
    });
    // Who asks early and awaits late must not end the process meanwhile: what else is open could not be closed any more.
    answer.catch(() => undefined);
    return answer;
  }

  end(): Promise<void> {
    return endProcess(this.child);
  }

  private settle({ id, result, error }: Answer): void {
    const asker = this.open.get(id);
    this.open.delete(id);
    if (error === undefined) asker?.resolve(result as never);
    else asker?.reject(new Error(error));
  }
}
