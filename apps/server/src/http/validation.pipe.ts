import { StandardSchemaValidationPipe } from '@nestjs/common';
import { refusalOf } from './problem.js';

/** Validates everything that a handler declares a schema for, and hands it what the schema made of it. */
export function validationPipe(): StandardSchemaValidationPipe {
  return new StandardSchemaValidationPipe({ exceptionFactory: (issues) => refusalOf(issues, 'body') });
}
