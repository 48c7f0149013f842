import 'reflect-metadata';
import { applyDecorators } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { ApiOperation, ApiResponse, DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { z } from 'zod';
import { clickAccepted, clickBatch, clickBatchAnswer, clickInput, problemSchema, ROUTES } from '@marquee/contracts';

type PathItem = OpenAPIObject['paths'][string];

function jsonSchemaOf(schema: unknown, io: 'input' | 'output'): Record<string, unknown> | undefined {
  if (!(schema instanceof z.ZodType)) return undefined;
  // Refinements and transforms have no JSON Schema; what remains of them is said in prose.
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io, unrepresentable: 'any', target: 'openapi-3.0' });
  return json;
}

/**
 * The documentation looks at a handler's parameters only when the compiler has noted their types, which it does for classes alone;
 * here each parameter has its schema, so that there are some is all that needs to be noted.
 */
const namesItsParameters: MethodDecorator = (target, key, descriptor) => {
  const handler = descriptor.value as unknown as { length: number };
  Reflect.defineMetadata(
    'design:paramtypes',
    Array.from({ length: handler.length }, () => Object),
    target,
    key,
  );
};

/** Documents what a handler does and answers, from the schema that clients share. */
export function answers(summary: string, schema: z.ZodType, status = 200): MethodDecorator {
  return applyDecorators(
    namesItsParameters,
    ApiOperation({ summary }),
    ApiResponse({ status, description: 'Done', content: { 'application/json': { schema: jsonSchemaOf(schema, 'output') ?? {} } } }),
    ApiResponse({
      status: '4XX',
      description: 'Why it was refused',
      content: { 'application/problem+json': { schema: jsonSchemaOf(problemSchema, 'output') ?? {} } },
    }),
  );
}

const inJson = (schema: z.ZodType, io: 'input' | 'output') => ({ 'application/json': { schema: jsonSchemaOf(schema, io) ?? {} } });

/** What a raw route is, of which Nest knows nothing. */
function describedPost(summary: string, body: z.ZodType, answer: z.ZodType): PathItem {
  const refused = { 'application/problem+json': { schema: jsonSchemaOf(problemSchema, 'output') ?? {} } };
  return {
    post: {
      summary,
      tags: ['Clicks'],
      security: [{ bearer: [] }],
      requestBody: { required: true, content: inJson(body, 'input') },
      responses: {
        200: { description: 'Done', content: inJson(answer, 'output') },
        '4XX': { description: 'Why it was refused', content: refused },
        503: { description: 'It cannot be taken now: send it again with the same messageId', content: refused },
      },
    },
  };
}

/** Serves the API's description at `/docs` and `/docs-json`. */
export function serveOpenApi(app: NestFastifyApplication): void {
  const config = new DocumentBuilder()
    .setTitle('Marquee')
    .setDescription(
      'Plans campaigns, delivers them to every screen, and accounts for what happened. Times are epoch milliseconds unless named otherwise.',
    )
    .setVersion('0.1.0')
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'Its sub is the user who clicked.' })
    .build();
  const document = SwaggerModule.createDocument(app, config, {
    standardSchemaConverter: (schema, { schemaType }) => {
      const json = jsonSchemaOf(schema, schemaType);
      return json === undefined ? undefined : { schema: json };
    },
  });
  document.paths[ROUTES.adClicks] = describedPost('Report a click', clickInput, clickAccepted);
  document.paths[ROUTES.adClickBatch] = describedPost('Report up to 500 clicks, each answered by itself', clickBatch, clickBatchAnswer);
  SwaggerModule.setup('docs', app, document, { jsonDocumentUrl: 'docs-json', yamlDocumentUrl: 'docs-yaml' });
}
