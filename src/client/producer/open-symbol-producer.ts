import { CrossPolicy, type Instrument } from "../../book/instrument.ts";
import { DepthcastError, ErrorCode } from "../../errors.ts";
import { GrpcClient } from "../grpc-client.ts";
import { isPassing } from "./producer-faults.ts";
import type { KnownPlace } from "./producer-link.ts";
import { Producer } from "./producer.ts";
import type { ProducerOptions } from "./producer-options.ts";
import { type Rejection, readRejection, SymbolProducer } from "./symbol-producer.ts";

/** An instrument as a producer defines it; what is left out is 0, none, and `CrossPolicy.reject`. */
export type InstrumentDefinition = Pick<Instrument, "priceScale" | "quantityScale"> &
  Partial<Omit<Instrument, "symbol">>;

export interface SymbolProducerOptions
  extends Omit<ProducerOptions, "target" | "producerId" | "known" | "onRejected"> {
  readonly symbol: string;
  /** Defines the instrument where the server has none of this symbol; one that is there stays as it is. */
  readonly define?: InstrumentDefinition;
  /**
   * Told each event that the server refused, the first 100 of a batch; `totals` has the counts of all. Called before
   * the `flush` that waits for it resolves.
   */
  readonly onRejected?: (rejection: Rejection) => void;
}

/**
 * Opens a producer at the first of the addresses that answers. It stays with that server's order log: its scales are
 * good there, and what was sent must not be sent into another one.
 *
 * @param targets `host:port`
 * @throws DepthcastError `not_found` for a symbol that is not defined; `unavailable` where no address answers.
 */
export async function openSymbolProducer(
  targets: readonly string[],
  producerId: string,
  { symbol, define, onRejected, ...options }: SymbolProducerOptions,
): Promise<SymbolProducer> {
  const { at, instrument, known } = await findInstrument(targets, symbol, define);
  const producer = await Producer.open({
    ...options,
    target: [...targets.slice(at), ...targets.slice(0, at)],
    producerId,
    known,
    ...(onRejected !== undefined && {
      onRejected: (rejected) => onRejected(readRejection(rejected, instrument)),
    }),
  });
  return new SymbolProducer(producer, instrument);
}

interface FoundInstrument {
  /** Which of the targets answered. */
  readonly at: number;
  readonly instrument: Instrument;
  readonly known: KnownPlace;
}

async function findInstrument(
  targets: readonly string[],
  symbol: string,
  define: InstrumentDefinition | undefined,
): Promise<FoundInstrument> {
  for (const [at, target] of targets.entries()) {
    const client = new GrpcClient(target);
    try {
      return { at, ...(await instrumentAt(client, symbol, define)) };
    } catch (thrown) {
      if (at === targets.length - 1 || !isPassing(DepthcastError.from(thrown))) throw thrown;
    } finally {
      client.close();
    }
  }
  throw new DepthcastError(
    ErrorCode.failedPrecondition,
    "a producer needs a grpc:// address, and the client has none: events are taken over gRPC only",
    { field: "addresses" },
  );
}

async function instrumentAt(
  client: GrpcClient,
  symbol: string,
  define: InstrumentDefinition | undefined,
): Promise<Omit<FoundInstrument, "at">> {
  try {
    return await readInstrument(client, symbol);
  } catch (thrown) {
    if (define === undefined || DepthcastError.from(thrown).code !== ErrorCode.notFound) throw thrown;
    await client.defineInstrument({ ...PLAIN, ...define, symbol });
    return readInstrument(client, symbol);
  }
}

async function readInstrument(client: GrpcClient, symbol: string): Promise<Omit<FoundInstrument, "at">> {
  const { instrument, snapshot } = await client.getSnapshot(symbol, { depth: 1 });
  return { instrument, known: { symbol, epoch: snapshot.epoch } };
}

const PLAIN = { crossPolicy: CrossPolicy.reject, tickSize: 0, lotSize: 0, description: "" };
