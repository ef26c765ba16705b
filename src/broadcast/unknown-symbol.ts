import { DepthcastError, ErrorCode } from "../errors.ts";

/** A symbol that nobody has defined was asked for. */
export function unknownSymbol(symbol: string): DepthcastError {
  return new DepthcastError(ErrorCode.notFound, `unknown symbol "${symbol}"`, {
    field: "symbol",
    reason: "UNKNOWN_SYMBOL",
  });
}
