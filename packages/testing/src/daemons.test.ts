import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { RabbitServer, rabbitmqOrSkip } from './rabbitmq.js';
import { RedisServer, redisOrSkip } from './redis.js';

async function ask(socket: Socket, question: string): Promise<string> {
  socket.write(question);
  const [answer] = await once(socket, 'data');
  return String(answer);
}

describe.skipIf(redisOrSkip() === undefined)('a Redis of the test’s own', () => {
  it('keeps what it answered over a kill, and is gone afterwards', async () => {
    const redis = await RedisServer.start();
    const socket = connect(redis.port, '127.0.0.1');
    await once(socket, 'connect');
    expect(await ask(socket, 'SET kept yes\r\n')).toBe('+OK\r\n');
    await redis.halt('SIGKILL');
    socket.destroy();
    await redis.run();
    const next = connect(redis.port, '127.0.0.1');
    expect(await ask(next, 'GET kept\r\n')).toBe('$3\r\nyes\r\n');
    next.destroy();
    await redis.halt();
    await redis.remove();
    const [refused] = await once(connect(redis.port, '127.0.0.1'), 'error');
    expect(refused).toMatchObject({ code: 'ECONNREFUSED' });
  });
});

describe.skipIf(rabbitmqOrSkip() === undefined)('a RabbitMQ of the test’s own', { timeout: 240_000 }, () => {
  it('is killed, started again, stopped and controlled', async () => {
    const rabbit = await RabbitServer.start();
    await rabbit.halt('SIGKILL');
    await rabbit.run();
    await rabbit.memoryAlarm(true);
    expect(await rabbit.control('list_queues')).toContain('queues for vhost');
    await rabbit.memoryAlarm(false);
    await rabbit.halt();
    await rabbit.remove();
  });
});
