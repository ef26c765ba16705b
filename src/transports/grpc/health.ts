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

/** `grpc.health.v1`: the whole server under the empty name, and each of its services. */
export class HealthService {
  readonly #statuses: Map<string, ServingStatus>;
  readonly #watchers = new Set<HealthWatcher>();

  constructor(serviceNames: readonly string[]) {
    this.#statuses = new Map(["", ...serviceNames].map((name) => [name, ServingStatus.SERVING]));
  }

  handlers(): ServiceHandlers<typeof Health> {
    return {
      check: ({ service }) => Promise.resolve({ status: this.#check(service) }),
      list: () => Promise.resolve({ statuses: this.#list() }),
      watch: ({ service }, responses, call) => this.#watch(service, responses, call),
    };
  }

  /** Tells all who watch. @param names of services; "" is the whole server. Default: all. */
  setServing(serving: boolean, names: Iterable<string> = [...this.#statuses.keys()]): void {
    const status = serving ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
    for (const name of names) this.#statuses.set(name, status);
    for (const watcher of this.#watchers) watcher.tell(this.#statusOf(watcher.name));
  }

  /** Ends all watches. */
  stop(reason: DepthcastError): void {
    for (const watcher of this.#watchers) watcher.end(reason);
  }

  #check(name: string): ServingStatus {
    const status = this.#statuses.get(name);
    if (status !== undefined) return status;
    throw new DepthcastError(ErrorCode.notFound, `service: unknown service ${quoteForeign(name)}`, {
      field: "service",
    });
  }

  #list() {
    return Object.fromEntries([...this.#statuses].map(([name, status]) => [name, { status }]));
  }

  #statusOf(name: string): ServingStatus {
    return this.#statuses.get(name) ?? ServingStatus.SERVICE_UNKNOWN;
  }

  /** A service that is not known now never will be: the watch only says so, as the contract wants it. */
  async #watch(name: string, responses: ResponseStream, { signal }: CallContext): Promise<void> {
    const watcher = new HealthWatcher(responses, name);
    watcher.tell(this.#statusOf(name));
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
  /** Of the service watched, which the server may not have. */
  readonly name: string;
  readonly #responses: ResponseStream;
  #told: ServingStatus | undefined;
  #newest: ServingStatus = ServingStatus.UNKNOWN;
  #writing = false;

  constructor(responses: ResponseStream, name: string) {
    this.#responses = responses;
    this.name = name;
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
