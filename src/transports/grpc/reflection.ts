import { type DescFile, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import type {
  Server,
  ServerDuplexStream,
  ServiceDefinition,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import { invariant } from "../../errors.ts";
import { asBuffer } from "./service-adapter.ts";

/** Adds `grpc.reflection` (v1 and v1alpha) for the services of these files and all that they import. */
export function addReflection(server: Server, files: readonly DescFile[]): void {
  const fileDescriptorProtos = [...withImports(files)].map((file) =>
    asBuffer(toBinary(FileDescriptorProtoSchema, file.proto)),
  );
  const format = "Protocol Buffer 3 DescriptorProto";
  const reflection = new ReflectionService({ all: { format, type: {}, fileDescriptorProtos } });
  reflection.addToServer({
    addService: (definition: ServiceDefinition, implementation: UntypedServiceImplementation) => {
      const answer = answerOf(implementation);
      server.addService(definition, {
        ServerReflectionInfo: (call: ReflectionCall) => answerOneByOne(call, answer),
      });
    },
  });
}

function withImports(files: Iterable<DescFile>, found = new Set<DescFile>()): Set<DescFile> {
  for (const file of files) {
    if (found.has(file)) continue;
    withImports(file.dependencies, found);
    found.add(file);
  }
  return found;
}

type ReflectionCall = ServerDuplexStream<unknown, unknown>;
type Answer = (request: unknown) => unknown;

/**
 * The package answers each request at once, however many answers the client has not read. So its handler
 * gets a stand-in for the call, and the requests one by one.
 */
function answerOf(implementation: UntypedServiceImplementation): Answer {
  const handler = implementation["ServerReflectionInfo"] as ((call: unknown) => void) | undefined;
  let onRequest: ((request: unknown) => void) | undefined;
  let response: unknown;
  handler?.({
    on: (event: string, listener: (request: unknown) => void) => {
      if (event === "data") onRequest = listener;
    },
    write: (written: unknown) => {
      response = written;
    },
    end: () => {},
  });
  return (request) => {
    invariant(onRequest !== undefined, "the reflection handler listens for requests");
    onRequest(request);
    return response;
  };
}

/** Reads the next request when the client has taken the last answer. */
function answerOneByOne(call: ReflectionCall, answer: Answer): void {
  call.on("error", () => {});
  call.on("end", () => call.end());
  call.on("data", (request: unknown) => {
    call.pause();
    call.write(answer(request), () => call.resume());
  });
}
