/** What the gRPC transport counts. No argument is a value that a stranger can choose. */
export interface GrpcMetrics {
  readonly transport: {
    /** A Subscribe stream begins and ends. */
    consumerConnected(transport: "grpc"): void;
    consumerDisconnected(transport: "grpc"): void;
    /** Bytes of updates. */
    bytesSent(transport: "grpc", byteLength: number): void;
    /** A call was answered with an error. */
    requestRefused(transport: "grpc"): void;
  };
  readonly ingest: {
    /** From the arrival of a batch to its outcome: durable and applied. */
    acknowledged(seconds: number): void;
  };
}

export const noGrpcMetrics: GrpcMetrics = {
  transport: {
    consumerConnected: () => {},
    consumerDisconnected: () => {},
    bytesSent: () => {},
    requestRefused: () => {},
  },
  ingest: { acknowledged: () => {} },
};

/** What the gRPC transport says. Fields are facts by name; messages are constant texts. */
export interface GrpcLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
