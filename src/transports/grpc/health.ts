import { create, toBinary } from "@bufbuild/protobuf";
import { DepthcastError, ErrorCode } from "../../errors.ts";
import { quoteForeign } from "../../protocol/subscription.ts";
import {
  type Health,
  HealthCheckResponse_ServingStatus as ServingStatus,
  HealthCheckResponseSchema,
} from "../../protocol/gen/health/v1/health_pb.ts";
import type { ResponseStream } from "./response-stream.ts";
import { asBuffer, type CallContext, type ServiceHandlers } from "./service-adapter.ts";

/** `grpc.health.v1`: the whole server under the empty name, and each of its services, all alike. */
export class HealthService {
  readonly #names: ReadonlySet<string>;
  readonly #watchers = new Set<HealthWatcher>();
  #status: ServingStatus = ServingStatus.SERVING;

  constructor(serviceNames: readonly string[]) {
    this.#names = new Set(["", ...serviceNames]);
  }

  handlers(): ServiceHandlers<typeof Health> {
    return {
      check: ({ service }) => Promise.resolve({ status: this.#check(service) }),
      list: () => Promise.resolve({ statuses: this.#list() }),
      watch: ({ service }, responses, call) => this.#watch(service, responses, call),
    };
  }

  /** Tells all who watch. */
  setServing(serving: boolean): void {
    this.#status = serving ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
    for (const watcher of this.#watchers) if (watcher.known) watcher.tell(this.#status);
  }

  /** Ends all watches. */
  stop(reason: DepthcastError): void {
    for (const watcher of this.#watchers) watcher.end(reason);
  }

  #check(name: string): ServingStatus {
    if (this.#names.has(name)) return this.#status;
    throw new DepthcastError(ErrorCode.notFound, `service: unknown service ${quoteForeign(name)}`, {
      field: "service",
    });
  }

  #list() {
    const names = [...this.#names];
    return Object.fromEntries(names.map((name) => [name, { status: this.#status }]));
  }

  /** A service that is not known now never will be: the watch only says so, as the contract wants it. */
  async #watch(name: string, responses: ResponseStream, { signal }: CallContext): Promise<void> {
    const watcher = new HealthWatcher(responses, this.#names.has(name));
    watcher.tell(watcher.known ? this.#status : ServingStatus.SERVICE_UNKNOWN);
    this.#watchers.add(watcher);
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    this.#watchers.delete(watcher);
  }
}

/** Keeps one watch up to date. While its stream is not writable only the newest status is remembered. */
class HealthWatcher {
  /** Whether the server has the service watched. */
  readonly known: boolean;
  readonly #responses: ResponseStream;
  #told: ServingStatus | undefined;
  #newest: ServingStatus = ServingStatus.UNKNOWN;
  #writing = false;

  constructor(responses: ResponseStream, known: boolean) {
    this.#responses = responses;
    this.known = known;
  }

  tell(status: ServingStatus): void {
    this.#newest = status;
    this.#write();
  }

  end(reason: DepthcastError): void {
    this.#responses.fail(reason);
  }

  #write(): void {
    if (this.#writing || this.#told === this.#newest) return;
    this.#writing = true;
    this.#told = this.#newest;
    const response = create(HealthCheckResponseSchema, { status: this.#newest });
    this.#responses.write(asBuffer(toBinary(HealthCheckResponseSchema, response)), () => {
      this.#writing = false;
      this.#write();
    });
  }
}
