// Lets a plain Node process run the sources: node --import <this file> script.ts. For tests that need a process of their own to kill.
import { register } from 'node:module';

register('./typescript-hooks.mjs', import.meta.url);
