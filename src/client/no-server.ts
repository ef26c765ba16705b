/** The message for a refused connection, the same over gRPC and WebSocket. */
export function noServerAt(target: string): string {
  return `no depthcast server at ${target}; start one with \`npx depthcast serve\``;
}
