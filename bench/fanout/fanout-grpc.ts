import { create, toBinary } from "@bufbuild/protobuf";
import { SubscribeRequestSchema } from "../../src/protocol/gen/depthcast/v1/market_data_pb.ts";
import {
  atLeast,
  type Benchmark,
  type BenchmarkContext,
  type BenchmarkReport,
  type Goal,
} from "../support/benchmark.ts";
import {
  type FanoutFigure,
  fanoutTable,
  deliveriesPerCpuSecond,
  shapeText,
  takeRounds,
} from "./fanout-rounds.ts";
import type { GrpcLoadStart } from "./grpc-load-process.ts";
import {
  divideLoads,
  type FanoutShape,
  type Rival,
  startDepthcast,
  startPeer,
  symbolNames,
} from "./rival.ts";

export const grpcFanoutBenchmark: Benchmark = {
  name: "fanout-grpc",
  about: "updates to many gRPC streams, against grpc-js with protobuf-es, node:http2 alone and connect-node",
  run,
};

const SHAPES: readonly FanoutShape[] = [
  { connections: 100, streams: 1, symbols: 1, intervalMs: 50 },
  { connections: 100, streams: 1, symbols: 1, intervalMs: 0 },
  { connections: 10, streams: 10, symbols: 1, intervalMs: 0 },
  { connections: 1000, streams: 1, symbols: 1, intervalMs: 50 },
];
const SMOKE_SHAPES: readonly FanoutShape[] = [{ connections: 4, streams: 2, symbols: 1, intervalMs: 50 }];

const GRPC_JS = "grpc-js, protobuf-es for each";
const HTTP2 = "node:http2 alone";
const CONNECT = "connect-node";

async function run({ smoke, peersInstalled, progress }: BenchmarkContext): Promise<BenchmarkReport> {
  const figures: FanoutFigure[] = [];
  for (const shape of smoke ? SMOKE_SHAPES : SHAPES) {
    progress(shapeText(shape));
    figures.push(...(await takeRounds(await startRivals(shape, peersInstalled), shape, smoke)));
  }
  return {
    tables: [fanoutTable("Deliveries to gRPC streams", figures)],
    goals: smoke ? [] : goals(figures),
    notes: [
      "clients are connections, or connections × streams of each",
      "depthcast's CPU includes taking the events in, the book and the encoding; the others make one message a tick",
      "saturated: depthcast is fed as fast as it acknowledges, the others send whenever all is written out",
    ],
  };
}

async function startRivals(shape: FanoutShape, peersInstalled: boolean): Promise<Rival[]> {
  const { connections, streams, intervalMs } = shape;
  const subscriptions = symbolNames(shape.symbols).map((symbol) => ({ symbol, depth: 20, intervalMs }));
  const request = toBinary(SubscribeRequestSchema, create(SubscribeRequestSchema, { subscriptions }));
  const path = "/depthcast.v1.MarketDataService/Subscribe";
  const startLoads = (port: number) => {
    const start: GrpcLoadStart = { port, path, connections, streams, request };
    return divideLoads(new URL("./grpc-load-process.ts", import.meta.url), start);
  };
  const start = { messageBytes: 0, intervalMs };
  const rivals = [await startDepthcast(shape, "grpc", startLoads)];
  const grpcJs = new URL("./grpc-js-process.ts", import.meta.url);
  rivals.push(await startPeer(GRPC_JS, grpcJs, start, startLoads));
  const http2 = new URL("./bare-http2-process.ts", import.meta.url);
  rivals.push(await startPeer(HTTP2, http2, start, startLoads));
  if (peersInstalled) {
    const connect = new URL("./connect-process.ts", import.meta.url);
    rivals.push(await startPeer(CONNECT, connect, start, startLoads));
  }
  return rivals;
}

function goals(figures: readonly FanoutFigure[]): Goal[] {
  const at = (name: string): number =>
    deliveriesPerCpuSecond(figures, name, { connections: 100, intervalMs: 0 });
  const against = (name: string, bound: number): Goal =>
    atLeast(`100 × 1, saturated: speed of ${name}`, at("depthcast") / at(name), bound, "×");
  return [against(GRPC_JS, 2), against(HTTP2, 0.8), against(CONNECT, 3)];
}
