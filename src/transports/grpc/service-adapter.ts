import type { EventEmitter } from "node:events";
import type { ServerHttp2Stream } from "node:http2";
import {
  create,
  type DescMessage,
  type DescMethod,
  type DescMethodBiDiStreaming,
  type DescMethodClientStreaming,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type DescService,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import type {
  Metadata,
  MethodDefinition,
  Server,
  ServerDuplexStream,
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
  sendUnaryData,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { DepthcastError, ErrorCode } from "../../errors.ts";
import { decodeMessage } from "../../protocol/message-decoding.ts";
import { DecodedRequests } from "./decoded-requests.ts";
import { FramedRequests } from "./framed-requests.ts";
import type { RequestReader } from "./request-reader.ts";
import { ResponseStream } from "./response-stream.ts";
import { statusOf } from "./status.ts";

/**
 * From the service descriptors of protobuf-es to the definitions and calls of grpc-js.
 *
 * All messages pass grpc-js as bytes. Single requests are decoded here, so that a malformed one is
 * `INVALID_ARGUMENT` with details instead of grpc-js' `INTERNAL`; streamed requests and responses are given
 * to the handlers as bytes.
 */
type Handler<Method extends DescMethod> =
  Method extends DescMethodUnary<infer Input, infer Output>
    ? (request: MessageShape<Input>, call: CallContext) => Promise<MessageInitShape<Output>>
    : Method extends DescMethodServerStreaming<infer Input>
      ? (request: MessageShape<Input>, responses: ResponseStream, call: CallContext) => Promise<void>
      : Method extends DescMethodClientStreaming<DescMessage, infer Output>
        ? (requests: RequestReader, call: CallContext) => Promise<MessageInitShape<Output>>
        : Method extends DescMethodBiDiStreaming
          ? (requests: RequestReader, responses: ResponseStream, call: CallContext) => Promise<void>
          : never;

/**
 * What a service does, method by method. A handler that throws ends its call with that error; the promise
 * of a response stream resolves when the stream is to be ended, or has been.
 */
export type ServiceHandlers<Service extends DescService> = {
  readonly [Name in keyof Service["method"]]: Handler<Service["method"][Name]>;
};

/** What a handler may know of its call. */
export interface CallContext {
  readonly path: string;
  /** Aborted when the call is over, however it ended. */
  readonly signal: AbortSignal;
}

/** Watches over all calls of a server: lets them in, and is told how they end. */
export interface CallGuard {
  /** @throws DepthcastError to refuse the call. */
  admit(path: string, metadata: Metadata): void;
  /** The whole of a single request has come, or a request stream has begun. */
  requestComplete(metadata: Metadata): void;
  /** The call's HTTP/2 stream, unless it is closed already. */
  http2Of(metadata: Metadata): ServerHttp2Stream | undefined;
  /** Whether its requests may be compressed, which grpc-js decodes. */
  isEncoded(metadata: Metadata): boolean;
  /** Bytes of a request message. */
  readonly requestBytesMax: number;
  /** Resets the call's HTTP/2 stream, which is heard even where flow control holds everything back. */
  reset(metadata: Metadata): void;
  /** Everything has been said. */
  answered(metadata: Metadata, error: DepthcastError | undefined): void;
  /** Something that is no DepthcastError was thrown: a bug of ours. */
  failed(path: string, thrown: unknown): void;
}

/** Adds a service to a server. */
export function addService<Service extends DescService>(
  server: Server,
  service: Service,
  handlers: ServiceHandlers<Service>,
  guard: CallGuard,
): void {
  const definition: Record<string, MethodDefinition<Buffer, Buffer>> = {};
  const implementation: UntypedServiceImplementation = {};
  for (const method of service.methods) {
    const handler: unknown = handlers[method.localName as keyof typeof handlers];
    definition[method.localName] = methodDefinition(service, method);
    implementation[method.localName] = implement(method, handler, guard);
  }
  server.addService(definition, implementation);
}

function methodDefinition(service: DescService, method: DescMethod): MethodDefinition<Buffer, Buffer> {
  const { methodKind } = method;
  return {
    path: `/${service.typeName}/${method.name}`,
    requestStream: methodKind === "client_streaming" || methodKind === "bidi_streaming",
    responseStream: methodKind === "server_streaming" || methodKind === "bidi_streaming",
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  };
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}

type AnyCall =
  | ServerUnaryCall<Buffer, Buffer>
  | ServerReadableStream<Buffer, Buffer>
  | ServerWritableStream<Buffer, Buffer>
  | ServerDuplexStream<Buffer, Buffer>;
type Implementation = UntypedServiceImplementation[string];

function implement(
  { methodKind, input, output }: DescMethod,
  handler: unknown,
  guard: CallGuard,
): Implementation {
  switch (methodKind) {
    case "unary":
      return implementUnary(input, output, handler as Handler<DescMethodUnary>, guard);
    case "server_streaming":
      return implementServerStreaming(input, handler as Handler<DescMethodServerStreaming>, guard);
    case "client_streaming":
      return implementClientStreaming(output, handler as Handler<DescMethodClientStreaming>, guard);
    default:
      return implementBidiStreaming(handler as Handler<DescMethodBiDiStreaming>, guard);
  }
}

function implementUnary(
  input: DescMessage,
  output: DescMessage,
  handler: Handler<DescMethodUnary>,
  guard: CallGuard,
): Implementation {
  return (call: ServerUnaryCall<Buffer, Buffer>, respond: sendUnaryData<Buffer>) => {
    void answer(call, guard, respond, async (context) => {
      const request = decodeMessage(input, call.request);
      return encodeMessage(output, await handler(request, context));
    });
  };
}

function implementClientStreaming(
  output: DescMessage,
  handler: Handler<DescMethodClientStreaming>,
  guard: CallGuard,
): Implementation {
  return (call: ServerReadableStream<Buffer, Buffer>, respond: sendUnaryData<Buffer>) => {
    void answer(call, guard, respond, async (context) =>
      encodeMessage(output, await handler(readRequests(call, guard), context)),
    );
  };
}

function implementServerStreaming(
  input: DescMessage,
  handler: Handler<DescMethodServerStreaming>,
  guard: CallGuard,
): Implementation {
  return (call: ServerWritableStream<Buffer, Buffer>) => {
    void stream(call, guard, (context, responses) =>
      handler(decodeMessage(input, call.request), responses, context),
    );
  };
}

function implementBidiStreaming(handler: Handler<DescMethodBiDiStreaming>, guard: CallGuard): Implementation {
  return (call: ServerDuplexStream<Buffer, Buffer>) => {
    void stream(call, guard, (context, responses) => handler(readRequests(call, guard), responses, context));
  };
}

/** A call's request stream: past grpc-js where that is possible. */
function readRequests(
  call: ServerReadableStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>,
  guard: CallGuard,
): RequestReader {
  const http2 = guard.http2Of(call.metadata);
  if (http2 === undefined || guard.isEncoded(call.metadata) || !FramedRequests.canTake(http2)) {
    return new DecodedRequests(call);
  }
  return new FramedRequests(http2, guard.requestBytesMax);
}

/** Runs a call that has one response. */
async function answer(
  call: ServerUnaryCall<Buffer, Buffer> | ServerReadableStream<Buffer, Buffer>,
  guard: CallGuard,
  respond: sendUnaryData<Buffer>,
  run: (context: CallContext) => Promise<Buffer>,
): Promise<void> {
  try {
    const response = await run(enter(call, guard));
    respond(null, response);
    guard.answered(call.metadata, undefined);
  } catch (thrown) {
    const error = asDepthcastError(call, guard, thrown);
    respond(statusOf(error));
    guard.answered(call.metadata, error);
  }
}

/** Runs a call with a stream of responses. */
async function stream(
  call: ServerWritableStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>,
  guard: CallGuard,
  run: (context: CallContext, responses: ResponseStream) => Promise<void>,
): Promise<void> {
  const responses = new ResponseStream(
    call,
    (error) => guard.answered(call.metadata, error),
    () => guard.reset(call.metadata),
    guard.http2Of(call.metadata),
  );
  try {
    await run(enter(call, guard), responses);
    responses.end();
  } catch (thrown) {
    responses.fail(asDepthcastError(call, guard, thrown));
  }
}

function enter(call: AnyCall, guard: CallGuard): CallContext {
  const controller = new AbortController();
  const emitter: EventEmitter = call;
  emitter.on("cancelled", () => controller.abort());
  // Nobody else listens for it on a readable call; what follows from it comes as 'cancelled'.
  emitter.on("error", ignore);
  guard.requestComplete(call.metadata);
  const path = call.getPath();
  guard.admit(path, call.metadata);
  return { path, signal: controller.signal };
}

function ignore(): void {}

function asDepthcastError(call: AnyCall, guard: CallGuard, thrown: unknown): DepthcastError {
  if (thrown instanceof DepthcastError) return thrown;
  guard.failed(call.getPath(), thrown);
  return new DepthcastError(
    ErrorCode.internal,
    "internal error; the server's log tells more",
    {},
    { cause: thrown },
  );
}

function encodeMessage<Desc extends DescMessage>(schema: Desc, init: MessageInitShape<Desc>): Buffer {
  return asBuffer(toBinary(schema, create(schema, init)));
}

/** grpc-js calls `.copy()` on what it sends. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
