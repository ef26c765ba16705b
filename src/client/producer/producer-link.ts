import type { ServiceError } from "@grpc/grpc-js";
import { DepthcastError, ErrorCode } from "../../errors.ts";
import type { IngestAckedResponse } from "../../protocol/gen/depthcast/v1/ingest_pb.ts";
import { GrpcClient, type IngestAckedCall } from "../grpc-client.ts";

/** A server that says nothing at all is noticed within this and the time for its answer. */
const PING_INTERVAL_MS = 5000;

/** An acknowledged place in the log, by which a producer knows the server's log again. */
export interface KnownPlace {
  readonly symbol: string;
  readonly epoch: bigint;
}

export interface ProducerLinkOptions {
  /** `host:port` */
  readonly target: string;
  readonly producerId: string;
}

/** Told what happens on a link that was started. */
export interface LinkListener {
  acknowledged(response: IngestAckedResponse): void;
  /** After `send` has answered false: go on. */
  writable(): void;
  /** Once, unless `close` came first. */
  lost(cause: DepthcastError): void;
}

/** One connection of a producer: the question where it stands, then its stream. It does not outlive a failure. */
export class ProducerLink {
  readonly target: string;
  /** The producer's last batch that the server has applied. */
  readonly position: number;
  readonly #client: GrpcClient;
  #call: IngestAckedCall | undefined;
  #over = false;

  private constructor(client: GrpcClient, position: number) {
    this.#client = client;
    this.target = client.target;
    this.position = position;
  }

  /** Connects and asks where the producer stands. @throws DepthcastError `unavailable` and the like. */
  static async open({ target, producerId }: ProducerLinkOptions): Promise<ProducerLink> {
    const client = new GrpcClient(target, { pingIntervalMs: PING_INTERVAL_MS });
    try {
      return new ProducerLink(client, await client.producerPosition(producerId));
    } catch (thrown) {
      client.close();
      throw thrown;
    }
  }

  /**
   * Resolves where the server's log is the one that `known` is of.
   *
   * @throws DepthcastError `failed_precondition` where it is another; `unavailable` and the like.
   */
  async expectLogOf({ symbol, epoch }: KnownPlace): Promise<void> {
    try {
      await this.#client.getSnapshot(symbol, { depth: 1, epoch });
    } catch (thrown) {
      const { code } = DepthcastError.from(thrown);
      const isOther = code === ErrorCode.failedPrecondition || code === ErrorCode.notFound;
      throw isOther ? otherLog(this.#client.target, thrown) : thrown;
    }
  }

  /** Opens the stream. Once. */
  start(listener: LinkListener): void {
    const call = this.#client.openIngestAcked();
    this.#call = call;
    const lost = (cause: DepthcastError) => {
      if (this.#over) return;
      this.close();
      listener.lost(cause);
    };
    call.on("data", (response: IngestAckedResponse) => {
      if (!this.#over) listener.acknowledged(response);
    });
    call.on("drain", () => {
      if (!this.#over) listener.writable();
    });
    call.on("error", (error: ServiceError) => lost(this.#client.translate(error)));
    call.on("end", () => lost(endedEarly(this.#client.target)));
  }

  /** False: it is taken, but the next one should wait for `writable`. */
  send(batch: Buffer): boolean {
    return this.#call?.write(batch) ?? false;
  }

  /** Ends the stream and the connection; nothing is told any more. Idempotent. */
  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#call?.cancel();
    this.#client.close();
  }
}

/** The server's order log is not the one that acknowledged. */
export function otherLog(target: string, cause?: unknown): DepthcastError {
  return new DepthcastError(
    ErrorCode.failedPrecondition,
    `the server at ${target} has another order log than the one that acknowledged earlier batches (a new epoch): ` +
      "it was replaced, restored or repaired, or is kept in memory only and the server was started again",
    { reason: "EPOCH_CHANGED" },
    { cause },
  );
}

function endedEarly(target: string): DepthcastError {
  return new DepthcastError(ErrorCode.unavailable, `the server at ${target} ended the producer's stream`);
}
